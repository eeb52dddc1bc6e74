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

"""The file systems that are mounted, and which one a path is on."""

import dataclasses
import os
import re

_FILE = '/proc/self/mountinfo'
_ESCAPED = re.compile(r'\\([0-7]{3})')
#: File systems that other hosts may have mounted, too.
_SHARED = frozenset({
    '9p', 'afs', 'beegfs', 'ceph', 'cifs', 'fuse.ceph', 'fuse.glusterfs',
    'fuse.quobyte', 'fuse.sshfs', 'gfs', 'gfs2', 'gpfs', 'lustre', 'nfs',
    'nfs4', 'ocfs2', 'smb3'})
#: Those that have no hard links.
_WITHOUT_LINKS = frozenset({'exfat', 'msdos', 'vfat'})


@dataclasses.dataclass(frozen=True, slots=True)
class Mount:
    """:ivar options: of the mount and of the file system."""

    point: str
    type: str
    options: frozenset[str] = frozenset()

    @property
    def is_shared(self) -> bool:
        return self.type in _SHARED

    @property
    def has_links(self) -> bool:
        return self.type not in _WITHOUT_LINKS

    @property
    def locks_are_local(self) -> bool:
        """Whether a lock holds on this host only (nfs(5), mount.cifs(8))."""
        return bool(self.options & {
            'nolock', 'local_lock=all', 'local_lock=posix', 'nobrl'})


class Mounts(tuple[Mount, ...]):
    """All of them, in the order in which they were mounted."""

    __slots__ = ()

    def of(self, path: str) -> Mount:
        """The one that a path is on, or would be on."""
        path = os.path.realpath(path)
        found = Mount('/', 'unknown')
        for mount in self:
            # A later one on the same place hides the earlier.
            if _is_below(path, mount.point) and (
                    len(mount.point) >= len(found.point)):
                found = mount
        return found


def read(file: str = _FILE) -> Mounts:
    with open(file, encoding='utf-8', errors='surrogateescape') as lines:
        return Mounts(map(_parse, lines))


def _parse(line: str) -> Mount:
    """proc(5): fields before and after a lone dash."""
    left, _, right = line.partition(' - ')
    mount, super_block = left.split(), right.split()
    return Mount(
        point=_ESCAPED.sub(lambda code: chr(int(code[1], 8)), mount[4]),
        type=super_block[0],
        options=frozenset(
            f'{mount[5]},{super_block[2]}'.split(',')))


def _is_below(path: str, point: str) -> bool:
    return path == point or path.startswith(point.rstrip('/') + '/')
