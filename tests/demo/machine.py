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

"""The guest of the demo, and the number that it counts on its disk."""

from collections.abc import Iterator
import contextlib
import pathlib
import re
import subprocess
import uuid

import libvirt

from snapdriver import domainxml as parser
from tests.functional import console
from tests.functional import disks
from tests.functional import domainxml
from tests.functional import host

NAME = 'demo'
_TICK_MS = 250
_BOOT = 60  # seconds; it takes two


class Machine:
    """A domain laid out as Nova does: a qcow2 disk on a base image.

    The guest (``tests/guest/init.c``) writes a growing number to its disk
    and goes on from what it finds there when it boots.
    """

    def __init__(self, connection: libvirt.virConnect) -> None:
        self._connection = connection
        self.uuid = str(uuid.uuid4())
        self.directory = disks.INSTANCES / self.uuid
        disks.BASES.mkdir(parents=True, exist_ok=True)
        self.directory.mkdir()
        self.disks = disks.nova_disks(self.uuid, ['disk'], False)
        self.disks[0].make('1G')
        (host.ROOT / 'home').mkdir(exist_ok=True)
        self._console = console.Console(host.ROOT / 'home' / 'serial')
        self._boot = 0  # where the present boot's lines begin
        connection.defineXML(domainxml.domain(
            name=NAME, uuid=self.uuid, memory=96, own_disks=self.disks,
            console=str(self._console.path), agent=False,
            nova_metadata=False, tick_ms=_TICK_MS))

    def start(self) -> None:
        self.expect_boot()
        self._domain().create()
        self.found()

    def expect_boot(self) -> None:
        """From now on only what the next boot says counts."""
        self._boot = len(self._console.lines)

    def found(self) -> int | None:
        """The number that the guest found on its disk when it booted."""
        said = self._wait(r'^FOUND vda tick (\S+)', self._boot)[1]
        return None if said == 'none' else int(said)

    def count(self, numbers: int) -> Iterator[int]:
        """The next numbers, each when it is on the disk."""
        place = len(self._console.lines)
        for _ in range(numbers):
            self._wait('^T ', place)
            place = next(i for i in range(place, len(self._console.lines))
                         if self._console.lines[i].text[:2] == 'T ') + 1
            yield int(self._console.lines[place - 1].text[2:])

    def counter(self) -> int:
        """The last number that is known to be on the disk."""
        return [int(line.text[2:]) for line in self._console.said(None)
                if line.text[:2] == 'T '][-1]

    def source(self) -> pathlib.Path:
        """The file that the domain writes, as libvirt says."""
        disk = parser.parse_disks(self._domain().XMLDesc())[0]
        return pathlib.Path(disk.source or '')

    def remove(self) -> None:
        """Undo all of it; the files go with their directory."""
        with contextlib.suppress(libvirt.libvirtError):
            self._domain().destroy()
        with contextlib.suppress(libvirt.libvirtError):
            self._domain().undefineFlags(
                libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA)
        self._console.close()
        subprocess.run(['rm', '-rf', self.directory], check=False)

    def _domain(self) -> libvirt.virDomain:
        return self._connection.lookupByUUIDString(self.uuid)

    def _wait(self, pattern: str, since: int) -> re.Match[str]:
        return self._console.wait_for(pattern, None, _BOOT, since)
