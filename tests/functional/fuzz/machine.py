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

"""An instance whose guest runs nothing: what it holds is put there.

Its disks hold marks (see ``disks.Disk.label``), written by QEMU itself while
it is up. Its memory holds a number, in the battery-backed bytes of its clock,
which are a part of what QEMU saves and loads.
"""

from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Mapping
import contextlib
import os
import pathlib
import re
import tempfile
from typing import Any

import libvirt
import libvirt_qemu

from snapdriver import domain as domains
from snapdriver import domainxml
from snapdriver import model
from tests.functional import guest as guests
from tests.functional import host
from tests.functional.faults import base

DISKS = ('disk', 'disk.eph0')
#: Large enough for a mark, small enough to be copied in no time.
_SIZE = '16M'
_MEMORY = 32  # MiB

_MARK = 2049 * 512  # where disks.Disk.label() looks for it
_CLOCK, _CLOCK_DATA, _BYTE = 0x70, 0x71, 0x6a

_READ = f"""
for file; do
    printf 'file %s\\n' "$file"
    qemu-io -r -U -f qcow2 -c 'read -v {_MARK} 512' "$file" || exit
done
"""
_READ_TAGS = f"""
while [ $# -gt 0 ]; do
    printf 'file %s\\n' "$1:$2"
    qemu-img convert -U -f qcow2 -l "snapshot.name=$2" -O raw "$1" "$0" &&
        qemu-io -r -f raw -c 'read -v {_MARK} 512' "$0" || exit
    shift 2
done
rm -f "$0"
"""


class Machine(guests.Guest):
    """A domain without a kernel; its firmware finds nothing to boot."""

    def __init__(self, test: base.FaultTest) -> None:
        super().__init__(test, DISKS, memory=_MEMORY, size=_SIZE)
        self._test = test

    def xml(self) -> str:
        return re.sub(r'<(kernel|initrd|cmdline)>.*?</\1>', '', super().xml())

    # Power -----------------------------------------------------------------

    def power(self) -> model.Power:
        return model.Power(self._test.power(self))

    def is_saved(self) -> bool:
        return bool(self.dom.hasManagedSaveImage())

    def turn_on(self, power: model.Power) -> None:
        """Start it, or resume it from its save image."""
        self.dom.createWithFlags(
            libvirt.VIR_DOMAIN_START_PAUSED
            if power is model.Power.PAUSED else 0)

    def has_state(self) -> bool:
        """Whether snapdriver knows it."""
        return (self.directory / 'snapdriver' / 'state.json').exists()

    # Files -----------------------------------------------------------------

    def active_files(self) -> dict[str, pathlib.Path]:
        """Disk name to its active layer, by its own name if it has one."""
        state = self._test.state(self)
        files = {disk.name: self.directory / disk.name for disk in self.disks}
        for disk in state.disks.values():
            own = self.directory / state.layers[disk.active].file
            if own.exists():  # else it is planned only
                files[disk.name] = own
        return files

    def defined_files(self) -> dict[str, pathlib.Path]:
        """Disk name to what it would be started on."""
        names = {disk.target: disk.name for disk in self.disks}
        return {names[target]: pathlib.Path(path) for target, path
                in self._test.sources(self).items()}

    def files_in_use(self) -> dict[str, pathlib.Path]:
        """Disk name to what QEMU writes, or would if it were started."""
        if self.power() is model.Power.SHUTOFF:
            return self.defined_files()
        names = {disk.target: disk.name for disk in self.disks}
        qemu = domains.Domain(self._test.conn, self.dom).qemu_disks()
        return {names[target]: pathlib.Path(file)
                for target, (file, _) in qemu.items()}

    def is_stale(self) -> bool:
        """Whether it is defined on something else than the active layers.

        Somebody has written the definition afresh while it ran.
        """
        active = self.active_files()
        return any(not path.samefile(active[name])
                   for name, path in self.defined_files().items())

    def unsettled(self) -> list[str]:
        """Nova's names that are not the active layers."""
        return [name for name, path in self.active_files().items()
                if not (self.directory / name).samefile(path)]

    def fingerprint(self) -> dict[str, Any]:
        """All that a verb which only looks could have changed.

        Not who owns a file: what is QEMU's is taken back to be read.
        """
        folder = self.directory / 'snapdriver'
        told: dict[str, Any] = {
            name: (info.mode, info.nlink)
            for name, info in self.files().items() if name != 'snapdriver'}
        return told | {path.name: path.read_bytes()
                       for path in folder.iterdir()} | {
            'power': self.power(), 'definition': self.dom.XMLDesc(
                libvirt.VIR_DOMAIN_XML_INACTIVE)}

    # Data ------------------------------------------------------------------

    def write_mark(self, mark: str, names: Collection[str]) -> None:
        with tempfile.NamedTemporaryFile(dir=host.ROOT / 'home') as file:
            file.write(f'mark {mark}\n'.encode().ljust(512, b'\0'))
            file.flush()
            os.chmod(file.name, 0o644)  # noqa: S103  QEMU's user reads it
            write = f'write -s {file.name} {_MARK} 512'
            if self.power() is model.Power.SHUTOFF:
                for name, path in self.defined_files().items():
                    if name in names:
                        host.as_root('qemu-io', '-f', 'qcow2', '-c', write,
                                     path)
                return
            for device, name in self._devices().items():
                if name in names:
                    self._monitor(f'qemu-io -d {device} "{write}"')
                    self._monitor(f'qemu-io -d {device} flush')

    def read_marks(self, files: Iterable[pathlib.Path]
                   ) -> dict[pathlib.Path, str | None]:
        """What image files hold, which QEMU may have open."""
        wanted = sorted(set(files))
        if not wanted:
            return {}
        found = _parse(host.as_root('sh', '-c', _READ, 'sh', *wanted).stdout)
        return {path: found[str(path)] for path in wanted}

    def read_tags(self, tags: Iterable[tuple[pathlib.Path, str]]
                  ) -> dict[tuple[pathlib.Path, str], str | None]:
        """What tags in image files hold."""
        wanted = sorted(set(tags))
        if not wanted:
            return {}
        scratch = host.ROOT / 'home' / f'{self.name}.raw'
        found = _parse(host.as_root(
            'sh', '-c', _READ_TAGS, scratch,
            *(word for tag in wanted for word in tag)).stdout)
        return {(path, tag): found[f'{path}:{tag}'] for path, tag in wanted}

    def marks_of(self, infos: Iterable[model.SnapshotInfo]
                 ) -> dict[str, dict[str, str | None]]:
        """What each snapshot keeps of each disk, by names."""
        infos = list(infos)
        layers = self.read_marks(
            self.directory / disk['layer'] for info in infos
            for disk in info.disks.values() if disk['tag'] is None)
        tags = self.read_tags(
            (self.directory / disk['layer'], disk['tag']) for info in infos
            for disk in info.disks.values() if disk['tag'] is not None)

        def mark(disk: Mapping[str, Any]) -> str | None:
            path = self.directory / disk['layer']
            if disk['tag'] is None:
                return layers[path]
            return tags[path, disk['tag']]

        return {info.name: {name: mark(disk)
                            for name, disk in info.disks.items()}
                for info in infos}

    def write_memory(self, number: int) -> None:
        """Only while it is up."""
        with self._standing_still():
            self._monitor(f'o /b {_CLOCK:#x} {_BYTE:#x}')
            self._monitor(f'o /b {_CLOCK_DATA:#x} {number:#x}')

    def read_memory(self) -> int:
        with self._standing_still():
            self._monitor(f'o /b {_CLOCK:#x} {_BYTE:#x}')
            said = self._monitor(f'i /b {_CLOCK_DATA:#x}')
        return int(said.rpartition('=')[2], 16)

    @contextlib.contextmanager
    def _standing_still(self) -> Any:
        """Its firmware uses the clock, too."""
        runs = self.power() is model.Power.RUNNING
        if runs:
            self.dom.suspend()
        yield
        if runs:
            self.dom.resume()

    def _monitor(self, line: str) -> str:
        return str(libvirt_qemu.qemuMonitorCommand(
            self.dom, line,
            libvirt_qemu.VIR_DOMAIN_QEMU_MONITOR_COMMAND_HMP))

    def _devices(self) -> dict[str, str]:
        """QEMU's name for each disk's device, to the disk's."""
        names = {disk.target: disk.name for disk in self.disks}
        return {f'/machine/peripheral/{disk.alias}/virtio-backend':
                names[disk.target]
                for disk in domainxml.parse_disks(self.dom.XMLDesc())}


def _parse(said: str) -> dict[str, str | None]:
    """The output of several reads: name to mark."""
    found: dict[str, str | None] = {}
    for part in re.split('^file ', said, flags=re.M)[1:]:
        name, _, dump = part.partition('\n')
        rows = re.findall(r'^[0-9a-f]{8,}: {2}((?:\w\w )+)', dump, re.M)
        mark = re.match(rb'mark (\S+)', bytes.fromhex(''.join(rows)))
        found[name] = mark[1].decode() if mark else None
    return found
