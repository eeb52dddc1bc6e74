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

"""Does a security module stand in the way of merges?

A merge writes a layer that was opened to be read. AppArmor's profile of a
domain denies that until libvirt 12.1 (libvirt issues 622, 692, 806): the
merge is not lost, it waits until the domain is off.
"""

from oslo_upgradecheck import upgradecheck

from snapdriver.status import host as hosts
from snapdriver.status import hypervisor
from snapdriver.status import verdict

_ALLOWS_COMMIT = (12, 1)


def check(host: hosts.Host) -> upgradecheck.Result:
    found = host.hypervisor
    if found is None:
        return verdict.of(warnings=[
            'Not checked, as libvirt cannot be asked.'])
    warnings = []
    if 'apparmor' in found.models and found.libvirt < _ALLOWS_COMMIT:
        warnings.append(
            f'AppArmor confines QEMU, and libvirt '
            f'{hypervisor.text(found.libvirt)} does not let it merge layers '
            'while a server runs (12.1 does). What a deleted snapshot '
            'occupied is freed when the server is next stopped. Nothing is '
            'lost; see "merge-pending" of "snapdriver domain check".')
    warnings += [
        f'{name} confines QEMU, under which snapdriver was not tested. Test '
        'each verb on a server of your own.'
        for model, name in (('apparmor', 'AppArmor'), ('selinux', 'SELinux'))
        if model in found.models]
    return verdict.of(warnings=warnings,
                      fine='Neither AppArmor nor SELinux confines QEMU.')
