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

"""An empty qcow2 overlay, as ``qemu-img create -u`` writes it.

Written by ourselves, as a process costs more than all else that a snapshot
takes: three clusters, and the table of the disk's 512 MiB pieces, all holes::

    header | refcount table | refcounts, one for each cluster here | L1 table
"""

from collections.abc import Iterator
import struct

_CLUSTER_BITS = 16
_CLUSTER = 1 << _CLUSTER_BITS
_SECTOR = 512
# What one entry of the L1 table maps: an L2 table of a cluster's length.
_PIECE = _CLUSTER // 8 * _CLUSTER
# docs/interop/qcow2.txt in QEMU's source: the fields up to header_length
_HEADER = struct.Struct('>4sIQIIQIIQQIIQQQQII')
_VERSION = 3
_REFCOUNT_ORDER = 4  # 16 bits each
_BACKING_FORMAT = 0xE2792ACA
_END = bytes(8)

#: Bytes from the start of the file that QEMU writes anew when the name of
#: the backing file changes; they should be there, also on a full disk.
HEADER = _CLUSTER


def length(size: int) -> int:
    """The length of the file of an empty overlay of that virtual size."""
    return 3 * _CLUSTER + 8 * _pieces(size)


def parts(size: int, backing: str) -> Iterator[tuple[int, bytes]]:
    """(offset, bytes) of all that is not zero in it.

    :param size: in bytes; rounded up to whole sectors.
    :param backing: as the header shall name it; a qcow2 image.
    :raises ValueError: no image can have that size, or that backing file.
    """
    name = backing.encode()
    clusters = -(-length(size) // _CLUSTER)
    if size <= 0 or clusters > _CLUSTER // 2 or not 0 < len(name) <= 1023:
        raise ValueError(f'no overlay of {size} bytes on {backing}')
    extensions = struct.pack('>II8s', _BACKING_FORMAT, 5, b'qcow2') + _END
    yield 0, _HEADER.pack(
        b'QFI\xfb', _VERSION, _header_length() + len(extensions), len(name),
        _CLUSTER_BITS, -(-size // _SECTOR) * _SECTOR, 0, _pieces(size),
        3 * _CLUSTER, _CLUSTER, 1, 0, 0, 0, 0, 0, _REFCOUNT_ORDER,
        _header_length()) + bytes(8) + extensions + name
    yield _CLUSTER, struct.pack('>Q', 2 * _CLUSTER)
    yield 2 * _CLUSTER, struct.pack('>H', 1) * clusters


def _header_length() -> int:
    """With compression_type and its padding, which are zero."""
    return _HEADER.size + 8


def _pieces(size: int) -> int:
    return -(-size // _PIECE)
