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

"""Internal snapshots while libvirtd dies, QEMU dies, or the disk is full."""

import collections
import random

import fixtures
from testtools import content

from snapdriver import exception
from tests.functional import guest as guests
from tests.functional import host
from tests.functional.faults import base
from tests.functional.faults import small_disk
from tests.functional.faults import test_libvirtd
from tests.functional.faults import test_running

TWO = ('disk', 'disk.eph0')


class TestKilled(base.FaultTest):

    exclusive = True
    timeout = 400

    def kill(self, guest: guests.Guest, verb: str, phase: str, name: str,
             pid: int | None, **named: object) -> str:
        """Kill a process shortly after a phase; when, and how far it was."""
        wait = random.uniform(0, 0.4)
        daemon = host.libvirtd_pid()
        victim = self.start(self.job(verb, guest, name, **named))
        with test_libvirtd.Trigger(pid) as trigger:
            victim.wait_phase(phase)
            test_running.wait(wait)
            trigger.pull()
        victim.wait()
        if pid == daemon:
            host.wait_until(lambda: host.libvirtd_pid() is None, 'its end')
            host.start_libvirtd()
        self.manager.recover(guest.name)
        self.assert_recover_does_nothing(guest)
        self.assert_sound(guest)
        return f'{wait:.3f} {victim.phases[-1]}'

    def test_create(self) -> None:
        self.set(max_snapshots_per_instance=0)
        guest = guests.Guest(self, TWO).define().start()
        outcomes: dict[str, int] = collections.Counter()
        for number in range(8):
            name = f's{number}'
            guest.mark(name)
            qemu = guest.qemu
            told = self.kill(guest, 'create', 'create:linked', name,
                             host.libvirtd_pid(), kind='internal')
            self.assertEqual('running', self.power(guest))
            guest.wait_more_ticks(2)
            self.assertEqual(name, guest.seen().mark)
            outcomes[' '.join((
                'same' if guest.qemu == qemu else 'started again',
                'made' if name in self.names(guest) else 'undone'))] += 1
            self.addDetail(name, content.text_content(told))
            if name not in self.names(guest):
                self.manager.create(guest.name, name, kind='internal')
        self.addDetail('outcomes', content.text_content(str(dict(outcomes))))
        for name in self.names(guest):
            self.manager.revert(guest.name, name, safety=False)
            guest.wait_for('^T ')
            self.assertEqual(name, guest.seen().mark)
        self.assert_sound(guest)

    def test_revert(self) -> None:
        """To memory: QEMU and libvirtd each die while it is put back."""
        guest = guests.Guest(self, TWO).define().start()
        guest.mark('old')
        guest.mark('old', 'vdb')
        self.manager.create(guest.name, 'old', kind='internal')
        outcomes: dict[str, int] = collections.Counter()
        for number in range(8):
            guest.mark('new')
            guest.mark('new', 'vdb')
            pid = host.libvirtd_pid() if number % 2 else guest.qemu
            told = self.kill(guest, 'revert', 'revert:reverting', 'old', pid)
            self.addDetail(f'round {number}', content.text_content(told))
            if not guest.dom.isActive():
                guest.start()
            guest.wait_more_ticks(2)
            marks = guest.seen().mark, guest.seen('vdb').mark
            self.assertIn(marks, (('old', 'old'), ('new', 'new')))
            outcomes[str(marks[0])] += 1
            safety = [info.name for info in self.manager.list(guest.name)
                      if info.safety]
            self.manager.revert(guest.name, safety[0], safety=False)
            guest.wait_for('^T ')
            self.assertEqual('new', guest.seen('vdb').mark)
        self.addDetail('outcomes', content.text_content(str(dict(outcomes))))


class TestNoSpace(small_disk.SmallDiskTest):

    def tag(self, guest: guests.Guest, name: str) -> bool:
        try:
            self.manager.create(guest.name, name, kind='internal')
        except exception.NoSpace as error:
            self.assertNotIn('\n', str(error))
            self.assertEqual([], self.names(guest))
            return False
        return True

    def test_off(self) -> None:
        guest = self.guest_on_small_disk()
        self.write(guest, 'one')
        self.leave_ever_more(guest, lambda: self.tag(guest, 's1'))
        self.assertEqual(['s1'], self.names(guest))
        self.write(guest, 'two')

        def revert() -> bool:
            try:
                self.manager.revert(guest.name, 's1', safety=False)
            except exception.NoSpace:
                return False
            return True

        for left in small_disk.LEFT:
            self.fill(guest, left)
            if revert():
                break
            self.empty(guest)
            self.manager.recover(guest.name)
            self.assert_sound(guest)
            self.write(guest, 'two')
        self.empty(guest)
        self.assertEqual({'one'}, self.active_marks(guest))
        self.assert_sound(guest)

    def test_memory_is_refused_early(self) -> None:
        guest = self.guest_on_small_disk().start()
        error = self.assertRaises(
            exception.Refused, self.manager.create, guest.name, 's1',
            kind='internal')
        self.assertIn('it can take', str(error))
        guest.wait_more_ticks(2)

    def test_memory(self) -> None:
        """It was thought to fit, and does not: the guest runs on."""
        guest = self.guest_on_small_disk().start()
        guest.mark('one')
        qemu = guest.qemu
        self.useFixture(fixtures.MockPatch(
            'snapdriver.preflight.of_space', lambda *args: []))
        self.assertFalse(self.tag(guest, 's1'))
        self.assertEqual(('running', qemu), (self.power(guest), guest.qemu))
        guest.wait_more_ticks(2)
        self.assertEqual('one', guest.seen().mark)
        self.assert_sound(guest)
        self.assertEqual([], self.names(guest))
