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

"""The files of the tests' guests, laid out as Nova and Cinder do."""

from collections.abc import Sequence
import contextlib
import dataclasses
import functools
import hashlib
import os
import pathlib
import re
import stat
import tempfile
from typing import Literal
from typing import NamedTuple

from tests.functional import host

INSTANCES = host.ROOT / 'instances'
BASES = INSTANCES / '_base'
IMAGES = host.ROOT / 'images'
VOLUMES = host.ROOT / 'volumes'

# Where the guest writes; see tests/guest/init.c.
_SECTOR = 512
_RAW_LABEL = 2048 * _SECTOR


class Label(NamedTuple):
    """What the guest has written to a disk."""

    tick: int | None
    mark: str | None


class FileInfo(NamedTuple):
    """What stat tells of a file."""

    mode: int
    uid: int
    gid: int
    nlink: int
    size: int


@dataclasses.dataclass(frozen=True)
class Disk:
    """A disk of a guest."""

    name: str  # the file name that Nova would use
    path: pathlib.Path
    target: str  # as libvirt and the guest call it
    format: Literal['qcow2', 'raw'] = 'qcow2'
    cdrom: bool = False
    ticks: bool = True  # whether the guest counts on it
    base: pathlib.Path | None = None
    filesystem: bool = False  # whether it holds one, for a guest agent

    def make(self, size: str) -> None:
        """Make the disk's file, and its base if it should have one."""
        if self.cdrom:
            size = '1M'
        if self.base is not None:
            _make_raw(self.base, size, self.filesystem)
            _qemu_img_create(
                '-f', 'qcow2', '-F', 'raw', '-b', self.base, self.path
            )
        elif self.filesystem:
            with tempfile.TemporaryDirectory(dir=host.ROOT / 'home') as folder:
                raw = pathlib.Path(folder, 'raw')
                _make_raw(raw, size, True)
                host.run(
                    *('qemu-img', 'convert', '-f', 'raw'),
                    *('-O', self.format, raw, self.path),
                )
        else:
            _qemu_img_create('-f', self.format, self.path, size)

    def label(self, file: pathlib.Path | None = None) -> Label:
        """Read what an image holds, that no running QEMU has open."""
        start = _RAW_LABEL
        if self.filesystem:
            if self.base is None:
                raise NotImplementedError('only on a disk with a base')
            start = _file_system_label(self.base)
        # QEMU's user may own the files, and the test's another part of them.
        dump = host.as_root(
            *('qemu-io', '-r', '-f', self.format),
            *('-c', f'read -v {start} {2 * _SECTOR}', file or self.path),
        ).stdout
        rows = re.findall(r'^[0-9a-f]{8,}: {2}((?:\w\w )+)', dump, re.M)
        data = bytes.fromhex(''.join(rows))
        tick = re.match(rb'tick (\d+)', data[:_SECTOR])
        mark = re.match(rb'mark (\S+)', data[_SECTOR:])
        return Label(
            int(tick[1]) if tick else None, mark[1].decode() if mark else None
        )


def nova_disks(
    instance: str,
    names: Sequence[str],
    filesystem: bool,
    base: pathlib.Path | None = None,
) -> list[Disk]:
    """Lay out an instance's own disks, the first one possibly on a base."""
    digest = hashlib.sha1(instance.encode()).hexdigest()
    bases = [base or BASES / digest] + [
        BASES / f'ephemeral_{number}_{digest[:7]}'
        for number in range(1, len(names))
    ]
    return [
        Disk(
            name,
            INSTANCES / instance / name,
            _target(index),
            base=bases[index],
            filesystem=filesystem and index == 0,
        )
        for index, name in enumerate(names)
    ]


def plain_disks(
    domain: str, names: Sequence[str], filesystem: bool
) -> list[Disk]:
    """Lay out a plain domain's disks, in a folder for all domains."""
    return [
        Disk(
            name,
            IMAGES / f'{domain}{name.removeprefix("disk")}.qcow2',
            _target(index),
            filesystem=filesystem and index == 0,
        )
        for index, name in enumerate(names)
    ]


def volume(instance: str, index: int) -> Disk:
    """Lay out a volume as Cinder's file drivers do."""
    return Disk(
        'volume',
        VOLUMES / f'volume-{instance}',
        _target(index),
        format='raw',
        ticks=False,
    )


def config_drive(path: pathlib.Path) -> Disk:
    """Lay out a config drive, a CD."""
    return Disk(
        'disk.config', path, 'hda', format='raw', cdrom=True, ticks=False
    )


def fingerprint(file: pathlib.Path) -> tuple[int, str]:
    """Tell a file's time of change and a digest of its data."""
    digest = hashlib.sha256()
    with open(file, 'rb') as opened:
        with contextlib.suppress(OSError):  # ENXIO: no more data
            end = 0
            while True:
                start = os.lseek(opened.fileno(), end, os.SEEK_DATA)
                end = os.lseek(opened.fileno(), start, os.SEEK_HOLE)
                opened.seek(start)
                digest.update(b'%d:' % start + opened.read(end - start))
        return os.fstat(opened.fileno()).st_mtime_ns, digest.hexdigest()


def files(directory: pathlib.Path) -> dict[str, FileInfo]:
    """Tell what a directory holds."""
    found = {}
    for entry in os.scandir(directory):
        status = entry.stat(follow_symlinks=False)
        found[entry.name] = FileInfo(
            stat.S_IMODE(status.st_mode),
            status.st_uid,
            status.st_gid,
            status.st_nlink,
            status.st_size,
        )
    return found


def _target(index: int) -> str:
    return f'vd{"abcd"[index]}'


def _qemu_img_create(*arguments: str | os.PathLike[str]) -> None:
    host.run('qemu-img', 'create', '-q', *arguments)


def _make_raw(path: pathlib.Path, size: str, filesystem: bool) -> None:
    """Make a raw image, unless another guest has made it before."""
    if path.exists():
        return
    _qemu_img_create('-f', 'raw', path, size)
    if filesystem:
        with tempfile.TemporaryDirectory(dir=host.ROOT / 'home') as content:
            pathlib.Path(content, 'store').write_bytes(b'-' * 4096)
            host.run('mkfs.ext4', '-q', '-F', '-d', content, path)


@functools.cache
def _file_system_label(raw: pathlib.Path) -> int:
    """Tell at which byte of an ext4 image the guest's file lies."""
    shown = host.run('debugfs', '-R', 'blocks /store', raw).stdout
    size = re.search(
        r'^Block size: +(\d+)', host.run('dumpe2fs', '-h', raw).stdout, re.M
    )
    assert size is not None
    return int(shown.split()[0]) * int(size[1])
