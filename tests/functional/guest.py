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

"""A real guest that tells what it lost."""

from collections.abc import Sequence
import contextlib
import itertools
import json
import os
import re
from typing import NamedTuple
import uuid

import libvirt
from testtools import content

from tests.functional import base
from tests.functional import console
from tests.functional import disks
from tests.functional import domainxml
from tests.functional import host

_BOOT = 60  # seconds; it takes two on an idle machine


class Tick(NamedTuple):
    """A number that was on the disks when the guest told it."""

    time: float  # time.monotonic()
    number: int


class Guest:
    """A Nova-like instance whose guest counts on its disks.

    The guest (``tests/guest/init.c``) writes an ever growing number, the
    tick, to its disks, and goes on from what it finds at boot. What it says
    is kept; a test that fails shows it.

    ``instances/<uuid>/disk`` is a qcow2 image over a raw one in ``_base``,
    and the definition is written afresh each time, as Nova does. Everything
    goes when the test ends.
    """

    def __init__(
        self,
        test: base.FunctionalTest,
        disk_names: Sequence[str] = ('disk',),
        *,
        config_drive: bool = False,
        agent: bool = False,
        outside_disk: bool = False,
        memory: int | None = None,
        size: str = '1G',
        plain: bool = False,
        nova_metadata: bool | None = None,
        tick_ms: int = 100,
        share_base: 'Guest | None' = None,
    ) -> None:
        """Make the instance's files; nothing is defined yet.

        :param disk_names: ``disk`` and possibly ``disk.eph0``.
        :param config_drive: whether it has a CD, ``disk.config``.
        :param agent: whether a guest agent runs, with an ext4 on vda.
        :param outside_disk: whether it has a raw volume in a file, in
            another directory; the last vd*, on which it does not count.
        :param memory: in MiB.
        :param plain: a plain libvirt domain, whose images have no base and
            lie in a folder with those of other domains.
        :param nova_metadata: whether the definition names Nova as its owner;
            unless told, it does if the guest is not plain.
        :param share_base: another guest, to share the base of ``disk`` with.
        """
        self.test = test
        self.uuid = str(uuid.uuid4())
        self.name = f'{"vm" if plain else "instance"}-{self.uuid[:8]}'
        self.agent = agent
        self.memory = memory or (128 if agent else 96)
        self.nova_metadata = not plain if nova_metadata is None else (
            nova_metadata
        )
        self.tick_ms = tick_ms
        test.addCleanup(self._remove)
        if plain:
            self.directory = disks.IMAGES
            self.disks = disks.plain_disks(self.name, disk_names, agent)
        else:
            self.directory = disks.INSTANCES / self.uuid
            self.directory.mkdir(mode=0o755)
            self.disks = disks.nova_disks(
                self.uuid,
                disk_names,
                agent,
                share_base.disks[0].base if share_base else None,
            )
        if outside_disk:
            self.disks.append(disks.volume(self.uuid, len(self.disks)))
        if config_drive:
            drive = f'{self.name}.iso' if plain else 'disk.config'
            self.disks.append(disks.config_drive(self.directory / drive))
        for disk in self.disks:
            disk.make(size)
        if not plain:
            (self.directory / 'disk.info').write_text(
                json.dumps({str(d.path): d.format for d in self.disks})
            )
        self._bases = {
            disk.base: disks.fingerprint(disk.base)
            for disk in self.disks
            if disk.base
        }
        self.console = console.Console(
            host.ROOT / 'home' / f'{self.name}.serial'
        )
        test.addCleanup(self.console.close)
        test.addCleanup(self._tell_console)

    # The domain.

    @property
    def dom(self) -> libvirt.virDomain:
        """The domain, on the test's connection of the moment."""
        return self.test.conn.lookupByUUIDString(self.uuid)

    def xml(self) -> str:
        """Write the definition afresh, on the disks' own names."""
        return domainxml.domain(
            name=self.name,
            uuid=self.uuid,
            memory=self.memory,
            own_disks=self.disks,
            console=str(self.console.path),
            agent=self.agent,
            nova_metadata=self.nova_metadata,
            tick_ms=self.tick_ms,
        )

    def define(self) -> 'Guest':
        """Define the domain, or define it anew."""
        self.test.conn.defineXML(self.xml())
        return self

    def undefine_and_define(self) -> None:
        """Do as Nova's hard reboot does, with Nova's flags."""
        self.dom.undefineFlags(
            libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE
            | libvirt.VIR_DOMAIN_UNDEFINE_NVRAM
        )
        self.define()

    def start(self) -> 'Guest':
        """Start the domain and wait until its guest counts."""
        self.dom.create()
        self.wait_for('^T ', _BOOT)
        return self

    def destroy(self) -> None:
        """Stop the domain as a power cut does, and Nova's hard reboot."""
        self.dom.destroy()

    def poweroff_from_inside(self) -> None:
        """Have the guest power itself off, and wait for it."""
        self.console.send('off')
        self.wait_off()

    def press_power_button(self) -> None:
        """Ask for a power-off, as Nova's soft stop does; wait for it."""
        self.dom.shutdown()
        self.wait_off()

    def wait_off(self) -> None:
        """Wait until the domain does not run."""
        host.wait_until(
            lambda: not self.dom.isActive(), f'{self.name} is off', _BOOT
        )

    @property
    def qemu(self) -> int | None:
        """The process of the domain's QEMU, if it runs."""
        return host.qemu_pid(self.name)

    def kill_qemu(self) -> None:
        """Kill QEMU, and wait until libvirt knows."""
        assert self.qemu is not None
        host.as_root('kill', '-KILL', str(self.qemu))
        self.wait_off()

    # What the guest says.

    def wait_for(
        self, pattern: str, timeout: float = 30, since: int = 0
    ) -> re.Match[str]:
        """Wait for a line of the present QEMU, or take the first there was.

        :param since: where to begin, from ``len(console.lines)``.
        """
        return self.console.wait_for(
            pattern, self._present(), timeout, since
        )

    def command(self, line: str, answer: str, timeout: float = 30) -> str:
        """Send the guest a command; return what its answer says."""
        qemu = self._present()
        since = self.console.send(line)
        said = self.console.wait_for(
            f'^(?:{answer}|FAILED) ?(.*)', qemu, timeout, since
        )
        if said[0].startswith('FAILED'):
            raise AssertionError(f'{line!r}: {said[0]}')
        return str(said[1])

    def ticks(self) -> list[Tick]:
        """Tell the numbers that the present QEMU, or the last, has told."""
        return self._ticks(self._present())

    def last_tick(self) -> int:
        """Tell the last number that is known to be on the disks."""
        return self.ticks()[-1].number

    def wait_tick(self, number: int, timeout: float = 30) -> None:
        """Wait until the present QEMU has told this number, or a larger."""
        host.wait_until(
            lambda: any(tick.number >= number for tick in self.ticks()),
            f'tick {number} of {self.name}',
            timeout,
        )

    def wait_more_ticks(self, count: int = 3, timeout: float = 30) -> int:
        """Wait until the guest has counted on; return its last number."""
        since = len(self.console.lines)
        for _ in range(count):
            self.wait_for('^T ', timeout, since)
            since = len(self.console.lines)
        return self.last_tick()

    def worst_gap(self, start: float, end: float) -> float:
        """Tell the longest time, in seconds, without a tick.

        Of all QEMUs together: that a guest was off counts, too.

        :param start: from ``time.monotonic()``; so is ``end``.
        """
        host.wait_until(
            lambda: any(tick.time > end for tick in self._ticks(None)),
            f'{self.name} counts again',
            _BOOT,
        )
        return max(
            after.time - before.time
            for before, after in itertools.pairwise(self._ticks(None))
            if after.time >= start and before.time <= end
        )

    def found(self, device: str = 'vda') -> disks.Label:
        """Tell what the present guest found on a disk when it booted."""
        return _label(self.wait_for(f'^FOUND {device} (.*)', _BOOT)[1])

    def seen(self, device: str = 'vda') -> disks.Label:
        """Ask the guest what it reads from a disk now."""
        return _label(self.command(f'seen {device}', f'SEEN {device}'))

    def mark(self, text: str, device: str = 'vda') -> None:
        """Have the guest write a word to a disk."""
        self.command(f'mark {device} {text}', 'MARKED')

    def fill(
        self, offset: int, count: int, seed: int = 1, device: str = 'vda'
    ) -> None:
        """Have the guest write data, in MiB, from 2 MiB on."""
        self.command(f'fill {device} {offset} {count} {seed}', 'FILLED', 120)

    def sum(self, offset: int, count: int, device: str = 'vda') -> str:
        """Have the guest read data, in MiB, and tell their checksum."""
        return self.command(f'sum {device} {offset} {count}', 'SUM', 120)

    def set_tick_ms(self, milliseconds: int) -> None:
        """Have the guest count faster or slower."""
        self.command(f'tickms {milliseconds}', 'TICKMS')

    # The guest agent.

    def wait_agent(self) -> None:
        """Wait until libvirt knows that the agent is there."""
        host.wait_until(
            lambda: "name='org.qemu.guest_agent.0' state='connected'"
            in self.dom.XMLDesc(),
            f'the agent of {self.name}',
            _BOOT,
        )

    def is_frozen(self) -> bool:
        """Ask the guest whether its file system is frozen."""
        return self.command('frozen', 'FROZEN') == 'yes'

    def stop_agent(self) -> None:
        """Let the agent answer nothing, until :meth:`continue_agent`."""
        self.command('agent stop', 'AGENT')

    def continue_agent(self) -> None:
        """Let a stopped agent go on; it answers what it was asked."""
        self.command('agent cont', 'AGENT')

    def hang_freeze(self) -> None:
        """Let the agent answer no freeze, until :meth:`free_freeze`."""
        self.command('agent hang', 'AGENT')

    def free_freeze(self) -> None:
        """Let a hanging freeze go on."""
        self.command('agent free', 'AGENT')

    # The files.

    def on_disk(self, name: str = 'disk') -> disks.Label:
        """Read what is on a disk, under Nova's name; when it is off."""
        return self._disk(name).label()

    def tick_on_disk(self, name: str = 'disk') -> int | None:
        """Read the last number on a disk; see :meth:`on_disk`."""
        return self.on_disk(name).tick

    def base_unchanged(self) -> bool:
        """Tell whether the base images are what they were at first."""
        return all(
            disks.fingerprint(file) == before
            for file, before in self._bases.items()
        )

    def files(self) -> dict[str, disks.FileInfo]:
        """Tell what is in the instance's directory."""
        return disks.files(self.directory)

    # The rest.

    def _disk(self, name: str) -> disks.Disk:
        return next(disk for disk in self.disks if disk.name == name)

    def _present(self) -> int | None:
        """Tell the QEMU that speaks, or spoke last if the domain is off."""
        qemu = self.qemu
        self.console.wait_connected(qemu)
        if qemu is None and self.console.lines:
            return self.console.lines[-1].qemu
        return qemu

    def _ticks(self, qemu: int | None) -> list[Tick]:
        return [
            Tick(line.time, int(line.text[2:]))
            for line in self.console.said(qemu)
            if line.text.startswith('T ')
        ]

    def _tell_console(self) -> None:
        said = content.text_content(self.console.text())
        self.test.addDetail(f'console of {self.name}', said)

    def _remove(self) -> None:
        for dom in self.test.conn.listAllDomains():
            if dom.UUIDString() == self.uuid:
                _remove_domain(dom)
        doomed: list[str | os.PathLike[str]] = [
            path
            for disk in self.disks
            for path in (disk.path, disk.base)
            if path is not None
        ]
        if self.directory == disks.IMAGES:
            doomed += disks.IMAGES.glob(f'{self.name}*')
        else:
            doomed.append(self.directory)
        host.as_root('rm', '-rf', *doomed)


def _remove_domain(dom: libvirt.virDomain) -> None:
    if dom.isActive():
        dom.destroy()
    with contextlib.suppress(libvirt.libvirtError):  # if it was transient
        dom.undefineFlags(
            libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE
            | libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA
            | libvirt.VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA
            | libvirt.VIR_DOMAIN_UNDEFINE_NVRAM
        )


def _label(text: str) -> disks.Label:
    said = re.fullmatch(r'tick (\S+) mark (\S+)', text)
    assert said is not None, text
    tick, mark = (None if word == 'none' else word for word in said.groups())
    return disks.Label(None if tick is None else int(tick), mark)
