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

"""Who QEMU runs as: only an unprivileged user is stopped by a file's mode.

A frozen layer has mode 0440, so that whatever writes it by mistake is refused
by the kernel (invariant I11). Root is not.
"""

from oslo_upgradecheck import upgradecheck

from snapdriver.status import host as hosts
from snapdriver.status import verdict

_MODEL = 'dac'
_REMEDY = ('so file modes do not protect frozen layers from a wrong '
           'definition or a stray block commit. Set "user" and "group" in '
           'libvirt\'s qemu.conf to a user of QEMU\'s own.')


def check(host: hosts.Host) -> upgradecheck.Result:
    found = host.hypervisor
    if found is None:
        return verdict.of(warnings=[
            'Not checked, as libvirt cannot be asked.'])
    labels = found.models.get(_MODEL, ())
    if any(_is_root(label) for label in labels):
        return verdict.of(warnings=[f'QEMU runs as root, {_REMEDY}'])
    if not labels and not found.uri.endswith('/session'):
        return verdict.of(warnings=[
            'libvirt gives QEMU no user of its own, so it may run as root, '
            + _REMEDY])
    return verdict.of(fine='QEMU is not root.')


def _is_root(label: str) -> bool:
    """libvirt writes ``+64055:+64055``: user and group, as numbers."""
    return label.partition(':')[0].lstrip('+') in ('0', 'root')
