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

"""Would Nova take the name of a file for something that it is not?

Nova reads names. A disk's backing file whose name ends in ``_<digits>`` is a
copy of its base image of so many GiB (``imagebackend.Qcow2.create_image``),
one that begins with ``ephemeral`` or ``swap`` is made anew as such, and of
any other the Glance image is fetched into ``_base`` under that name
(``LibvirtDriver._create_images_and_backing``). Our own names are none of
these; those of overlays that others made can be.
"""

from collections.abc import Iterator
import os
import re

from oslo_upgradecheck import upgradecheck

from snapdriver import naming
from snapdriver.status import host as hosts
from snapdriver.status import verdict

_OF_A_SIZE = re.compile(r'.*_[0-9]+', re.DOTALL)
_PREFIXES = ('ephemeral', 'swap')
_CACHE = '_base'
#: What Nova itself keeps in an instance's directory under such a name.
_NOVAS = re.compile(r'(console\.log|kernel|ramdisk|disk\.config)(\.rescue)?')


def is_misread(name: str) -> bool:
    """Whether Nova reads more into the name of a backing file."""
    return (_OF_A_SIZE.fullmatch(name) is not None
            or name.startswith(_PREFIXES)) and not _NOVAS.fullmatch(name)


def check(host: hosts.Host) -> upgradecheck.Result:
    failures, warnings = [], []
    misread = sorted(path for root in host.instances_paths
                     for name in _listed(root) if naming.is_uuid(name)
                     for path in _misread(os.path.join(root, name)))
    if misread:
        failures.append(
            f'Nova takes the names of {verdict.some(misread)} for those of '
            'images of its own. If it is an overlay, stop the server and run '
            '"snapdriver domain adopt", which gives it another name; else '
            'move it elsewhere.')
    copies = sorted(path for root in host.instances_paths
                    for path in _copies(os.path.join(root, _CACHE)))
    if copies:
        warnings.append(
            f'Nova has fetched a whole image as {verdict.some(copies)}, as '
            'its own driver has met layers of ours, or overlays of others. '
            'No disk should stand on it: see "qemu-img info --backing-chain '
            '-U" of the disks, and delete it if none does.')
    return verdict.of(failures, warnings,
                      'No layer has a name that Nova reads more into.')


def _misread(path: str) -> Iterator[str]:
    for name in _listed(path):
        if is_misread(name) and os.path.isfile(os.path.join(path, name)):
            yield os.path.join(path, name)


def _copies(cache: str) -> Iterator[str]:
    """Entries of Nova's image cache that are called as a disk or a layer."""
    for name in _listed(cache):
        if name == 'disk' or name.startswith('disk.') or (
                naming.is_layer_file(name)):
            yield os.path.join(cache, name)


def _listed(path: str) -> list[str]:
    try:
        return os.listdir(path)
    except OSError:
        return []  # it has gone meanwhile, or is not for us to look at
