# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

"""Does this QEMU do what the verbs need?"""

from oslo_upgradecheck import upgradecheck

from snapdriver.status import host as hosts
from snapdriver.status import known_bad
from snapdriver.status import verdict


def check(host: hosts.Host) -> upgradecheck.Result:
    found = host.hypervisor
    if found is None:
        return verdict.of(warnings=[
            'Not checked, as libvirt cannot be asked.'])
    if found.qemu is None:
        return verdict.of(failures=[
            'libvirt knows of no QEMU. Install it, then restart libvirt\'s '
            'daemon.'])
    return known_bad.judge('QEMU', found.qemu, known_bad.QEMU,
                           host.all_options)
