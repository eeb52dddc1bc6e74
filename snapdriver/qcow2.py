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

"""qcow2 images: reading a header.

It is read by ourselves, from a descriptor: a guest or a stranger may have
written it, and QEMU would open what it names (CVE-2024-4467).
"""

import dataclasses
import os
import struct

from snapdriver import directory
from snapdriver import exception

# docs/interop/qcow2.txt in QEMU's source
_MAGIC = b'QFI\xfb'
_FIXED = struct.Struct('>4sIQIIQIIQQIIQ')
_VERSION_3 = struct.Struct('>QQQII')
_EXTENSION = struct.Struct('>II')
_BACKING_FORMAT = 0xE2792ACA
_DATA_FILE_BIT = 1 << 2
_MAX_HEADER = 64 << 10


@dataclasses.dataclass(frozen=True, slots=True)
class Header:
    """What a qcow2 header says; None where it does not.

    :ivar size: virtual size in bytes.
    :ivar snapshots: number of internal snapshots; see qcow2tags.py.
    """

    size: int
    backing_file: str | None
    backing_format: str | None
    data_file: bool
    encrypted: bool
    snapshots: int
    snapshots_offset: int = dataclasses.field(default=0, compare=False)
    l1_offset: int = dataclasses.field(default=0, compare=False)
    l1_entries: int = dataclasses.field(default=0, compare=False)


def read_header(where: directory.Directory, name: str) -> Header:
    """The header of an image, without opening anything that it names.

    :raises UnsafeFile: as :meth:`directory.Directory.regular`.
    :raises UnsafeImage: not qcow2, or with parts that we do not understand.
    :raises PermissionError: the file belongs to QEMU.
    """
    with where.opened(name) as fd:
        return parse_header(fd, where.path_of(name))


def parse_header(fd: int, path: str) -> Header:
    """As :func:`read_header`, of an open image; the path is for messages."""
    try:
        return _parse(os.pread(fd, _MAX_HEADER, 0))
    except (struct.error, ValueError) as error:
        raise exception.UnsafeImage(path=path, reason=str(error)) from error


def _parse(data: bytes) -> Header:
    (magic, version, name_offset, name_length, _, size, crypt, l1_entries,
     l1_offset, _, _, snapshots, snapshots_offset) = _FIXED.unpack_from(data)
    if magic != _MAGIC or version not in (2, 3):
        raise ValueError('it is not a qcow2 image (version 2 or 3)')
    incompatible, end = 0, _FIXED.size
    if version == 3:
        incompatible, _, _, _, end = _VERSION_3.unpack_from(data, end)
    name = None
    if name_offset:
        if name_length > 1023 or name_offset + name_length > len(data):
            raise ValueError('its backing file\'s name is out of bounds')
        name = data[name_offset:name_offset + name_length].decode()
    return Header(
        size=size, backing_file=name,
        backing_format=_extension(data, end, _BACKING_FORMAT),
        data_file=bool(incompatible & _DATA_FILE_BIT),
        encrypted=crypt != 0, snapshots=snapshots,
        snapshots_offset=snapshots_offset, l1_offset=l1_offset,
        l1_entries=l1_entries)


def _extension(data: bytes, offset: int, wanted: int) -> str | None:
    found = None
    while True:
        kind, length = _EXTENSION.unpack_from(data, offset)
        offset += _EXTENSION.size
        if kind == 0:
            return found
        if offset + length > len(data):
            raise ValueError('a header extension is out of bounds')
        if kind == wanted:  # QEMU believes the last one
            found = data[offset:offset + length].decode()
        offset += (length + 7) & ~7
