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

"""The story that the demo tells, and what it proves."""

import shlex
import subprocess

import libvirt

import snapdriver
from snapdriver import privsep
from snapdriver.cli import main as command
from tests.demo import machine
from tests.demo import screen

_SNAPSHOT = 'before-upgrade'
_SHORT = ('-c', 'name', '-c', 'state', '-c', 'consistency', '-c', 'disks')


class Wrong(Exception):
    """The story did not go as it is told."""


class Story:
    """One demo from boot to the last check.

    :param virsh: whether there is a libvirtd, which virsh can ask.
    """

    def __init__(self, connection: libvirt.virConnect, virsh: bool) -> None:
        self._connection = connection
        self._virsh = virsh
        self._guest = machine.Machine(connection)
        self._manager = snapdriver.SnapshotManager(connection)
        self._chapter = screen.Chapters()

    def _warm_up(self) -> None:
        """Start what a command starts, so that only verbs are timed."""
        if self._virsh:
            privsep.ready()
        self._manager.list(machine.NAME)
        assert self._manager.kinds

    def close(self) -> None:
        self._guest.remove()

    def tell(self) -> None:
        """:raises Wrong: something is not as it should be."""
        self._warm_up()
        self._boot()
        at_snapshot = self._create()
        before_revert = self._go_on()
        self._go_back(at_snapshot)
        self._go_forward(before_revert)
        self._delete()

    def _boot(self) -> None:
        self._chapter.begin('A guest that counts')
        screen.say('Four times a second it writes the next number to its '
                   'disk; when it boots it\ngoes on from the number that it '
                   'finds there.')
        with screen.stopwatch('It boots:'):
            self._guest.start()
        self._count(8)

    def _create(self) -> range:
        """Make the snapshot; the numbers that may be in it."""
        self._chapter.begin('A snapshot, while it runs')
        next(self._guest.count(1))
        first = self._guest.counter()
        self._run('snapshot', 'create', machine.NAME, _SNAPSHOT, *_SHORT)
        last = self._guest.counter()
        screen.say('It was taken when the number on the disk was '
                   f'{_either(range(first, last + 1))}.')
        self._run('snapshot', 'list', machine.NAME, '--tree')
        self._look('snapshot-list', machine.NAME, '--tree')
        self._look('domblklist', machine.NAME)
        self._look_at_chain()
        return range(first, last + 1)

    def _go_on(self) -> int:
        self._chapter.begin('The guest has not noticed, and writes on')
        self._count(12)
        return self._guest.counter()

    def _go_back(self, at_snapshot: range) -> None:
        self._chapter.begin('Back to the snapshot')
        found = self._revert(_SNAPSHOT)
        self._require(
            found in at_snapshot,
            f'the guest found {found} on its disk; at the snapshot it was '
            + _either(at_snapshot))
        self._count(4)
        screen.say('\nWhat it had written since is not lost: it has become a '
                   'safety snapshot.')
        self._run('snapshot', 'list', machine.NAME, '--tree')
        self._look('snapshot-list', machine.NAME, '--tree')
        self._look_at_chain()

    def _go_forward(self, before_revert: int) -> None:
        self._chapter.begin('And forward again')
        found = self._revert(self._safety()[0])
        self._require(
            found is not None and found >= before_revert,
            f'the guest found {found}; before it went back it had written '
            f'{before_revert}')
        self._count(4)
        self._run('snapshot', 'list', machine.NAME, '--tree')

    def _delete(self) -> None:
        self._chapter.begin('Deleting')
        self._run('snapshot', 'delete', machine.NAME, self._safety()[-1])
        self._run('snapshot', 'list', machine.NAME, '--tree')
        self._look('snapshot-list', machine.NAME, '--tree')
        self._run('snapshot', 'delete', machine.NAME, '--all')
        self._count(4)
        self._run('domain', 'check', machine.NAME)

    def _count(self, numbers: int) -> None:
        print('It counts:', end='')
        screen.numbers(self._guest.count(numbers))

    def _revert(self, name: str) -> int | None:
        """Revert; the number that the guest finds when it boots."""
        self._guest.expect_boot()
        self._run('snapshot', 'revert', machine.NAME, name)
        with screen.stopwatch('It boots:'):
            return self._guest.found()

    def _safety(self) -> list[str]:
        """The names of the safety snapshots, the oldest first."""
        made = [info for info in self._manager.list(machine.NAME)
                if info.safety]
        return [info.name for info in sorted(
            made, key=lambda info: info.frozen_at)]

    def _run(self, *arguments: str) -> None:
        """The command snapdriver, on the connection that is open."""
        screen.command(shlex.join(['snapdriver', *arguments]))
        with screen.stopwatch():
            code = command.main(arguments, connection=self._connection)
        if code:
            raise Wrong(f'it exited with {code}')

    def _look(self, *arguments: str) -> None:
        if self._virsh:
            self._shell(shlex.join(['virsh', *arguments]))

    def _look_at_chain(self) -> None:
        """What qemu-img finds; the files are QEMU's while it runs."""
        if self._virsh:
            self._shell(
                'sudo qemu-img info -U --backing-chain '
                f'{self._guest.source().name} | '
                "grep -E '^(image|disk size|backing file):'")

    def _shell(self, line: str) -> None:
        screen.command(line)
        done = subprocess.run(
            line, shell=True, cwd=self._guest.directory,
            stdout=subprocess.PIPE, text=True, check=False)
        screen.say('\n'.join(
            line.rstrip() for line in done.stdout.rstrip().split('\n')))
        if done.returncode:
            raise Wrong(f'it exited with {done.returncode}')

    def _require(self, true: bool, what: str) -> None:
        if not true:
            raise Wrong(what)
        screen.proved(what)


def _either(numbers: range) -> str:
    if len(numbers) < 3:
        return ' or '.join(map(str, numbers))
    return f'between {numbers[0]} and {numbers[-1]}'
