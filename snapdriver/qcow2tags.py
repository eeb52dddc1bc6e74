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

"""The tags (internal snapshots) inside a qcow2 image, read by ourselves.

A tag is an entry of the image's snapshot table, which has its own copy of
the L1 table. The clusters of a tag are never written again: who writes where
one is gets a new cluster, and a new entry in the active L1 table.
"""

from collections.abc import Sequence
import dataclasses
import os
import struct

from snapdriver import directory
from snapdriver import exception
from snapdriver import qcow2

# docs/interop/qcow2.txt in QEMU's source
_ENTRY = struct.Struct('>QIHHIIQII')
_EXTRA = struct.Struct('>QQ')
_OFFSET = 0x00fffffffffffe00
_MAX_TABLE = 1 << 20
_MAX_L1 = 32 << 20


@dataclasses.dataclass(frozen=True, slots=True)
class Tag:
    """One internal snapshot of one image.

    :ivar id: the number, usually, that QEMU gave it.
    :ivar memory: bytes of the guest's memory that it holds; 0 for none.
    :ivar size: virtual size of the disk then; None if it is not recorded.
    """

    id: str
    name: str
    memory: int
    size: int | None
    l1_offset: int
    l1_entries: int


def read(where: directory.Directory, name: str) -> list[Tag]:
    """The tags of an image, the oldest first.

    :raises UnsafeFile: as :meth:`directory.Directory.regular`.
    :raises UnsafeImage: not qcow2, or a table that cannot be.
    :raises PermissionError: the file belongs to QEMU.
    """
    with where.opened(name) as fd:
        return _read(fd, where.path_of(name))


def is_unchanged_since(where: directory.Directory, name: str,
                       tag: str) -> bool:
    """Whether nothing was written to an image since it got that tag.

    Only for an image that nobody has open.

    :raises UnsafeFile, UnsafeImage, PermissionError: as :func:`read`.
    """
    with where.opened(name) as fd:
        path = where.path_of(name)
        found = [one for one in _read(fd, path) if one.name == tag]
        header = qcow2.parse_header(fd, path)
        if len(found) != 1 or found[0].size not in (None, header.size):
            return False
        try:
            return (_l1(fd, header.l1_offset, header.l1_entries)
                    == _l1(fd, found[0].l1_offset, found[0].l1_entries))
        except (OverflowError, OSError) as error:
            raise exception.UnsafeImage(
                path=path, reason=f'an L1 table is out of bounds ({error})'
            ) from error


def _read(fd: int, path: str) -> list[Tag]:
    header = qcow2.parse_header(fd, path)
    if not header.snapshots:
        return []
    try:
        return _parse(os.pread(fd, _MAX_TABLE, header.snapshots_offset),
                      header.snapshots)
    except (struct.error, ValueError, OverflowError, OSError) as error:
        raise exception.UnsafeImage(
            path=path, reason=f'its snapshot table is damaged, or longer '
            f'than {_MAX_TABLE} bytes ({error})') from error


def _parse(table: bytes, count: int) -> list[Tag]:
    found, offset = [], 0
    for _ in range(count):
        (l1_offset, l1_entries, id_length, name_length, _, _, _, memory,
         extra) = _ENTRY.unpack_from(table, offset)
        offset += _ENTRY.size
        size = None
        if extra >= _EXTRA.size:
            memory, size = _EXTRA.unpack_from(table, offset)
        offset += extra
        end = offset + id_length + name_length
        if end > len(table):
            raise ValueError('it is cut off')
        found.append(Tag(
            id=table[offset:offset + id_length].decode(),
            name=table[offset + id_length:end].decode(),
            memory=memory, size=size, l1_offset=l1_offset,
            l1_entries=l1_entries))
        offset = (end + 7) & ~7
    return found


def _l1(fd: int, offset: int, entries: int) -> Sequence[int]:
    """Where the L2 tables are; without the holes at the end."""
    data = os.pread(fd, min(entries * 8, _MAX_L1), offset)
    found = [entry & _OFFSET for (entry,)
             in struct.iter_unpack('>Q', data[:len(data) & ~7])]
    while found and not found[-1]:
        found.pop()
    return found
