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

"""Several commands at once."""

import signal
import threading

import libvirt

import snapdriver
from snapdriver import exception
from snapdriver import journal
from tests.functional import guest as guests
from tests.functional import host
from tests.functional.faults import base


class TestAtOnce(base.FaultTest):

    def test_two_processes(self) -> None:
        """One waits for the other."""
        guest = guests.Guest(self).define()
        first = self.start(self.job(
            'create', guest, 's1', signal_at=1, signal=signal.SIGSTOP))
        first.wait_stopped()
        second = self.start(self.job('create', guest, 's2'))
        first.go_on()
        self.assertEqual([0, 0], [first.wait(), second.wait()])
        for each in (first, second):
            self.assertNotIsInstance(each.answer, Exception)
        infos = {i.name: i.parent for i in self.manager.list(guest.name)}
        self.assertEqual({'s1': None, 's2': 's1'}, infos)
        self.assert_sound(guest)

    def test_the_other_does_not_end(self) -> None:
        guest = guests.Guest(self).define()
        first = self.start(self.job(
            'create', guest, 's1', signal_at=1, signal=signal.SIGSTOP))
        first.wait_stopped()
        self.set(lock_timeout=1)
        for verb in ('create', 'recover', 'settle', 'adopt'):
            error = self.assertRaises(
                exception.Busy, getattr(self.manager, verb), guest.name)
            self.assertIn('busy', str(error))
        # To look needs no lock.
        self.assertEqual([], self.names(guest))
        self.assertIn('operation-unfinished', [
            f.code for f in self.manager.check(guest.name)])
        first.go_on()
        self.assertEqual(0, first.wait())
        self.manager.create(guest.name, 's2')
        self.assertEqual(['s1', 's2'], self.names(guest))
        self.assert_sound(guest)

    def test_a_dead_one_holds_no_lock(self) -> None:
        guest = guests.Guest(self).define()
        self.run_victim('create', guest, 's1', signal_at=1)
        self.set(lock_timeout=1)
        self.manager.create(guest.name, 's2')
        self.assertEqual(['s2'], self.names(guest))
        self.assert_sound(guest)

    def test_two_threads(self) -> None:
        """A lock of POSIX's alone would let both in."""
        guest = guests.Guest(self).define()
        reached, go_on = threading.Event(), threading.Event()
        inside: list[int] = []

        def observe(verb: str, phase: str) -> None:
            inside.append(threading.get_ident())
            if phase == 'linked' and not reached.is_set():
                reached.set()
                go_on.wait(60)

        self.addCleanup(setattr, journal, 'observer', None)
        journal.observer = observe
        threads = [threading.Thread(target=self.create, args=(guest, name))
                   for name in ('s1', 's2')]
        self.addCleanup(go_on.set)
        threads[0].start()
        self.assertTrue(reached.wait(60))
        self.set(lock_timeout=1)
        self.assertRaises(exception.Busy, self.create, guest, 's3')
        self.set(lock_timeout=60)
        threads[1].start()
        go_on.set()
        for thread in threads:
            thread.join(60)
        # No phase of the second came before the last of the first.
        self.assertEqual(sorted(inside, key=inside.index), inside)
        self.assertEqual(['s1', 's2'], self.names(guest))
        self.assert_sound(guest)

    def test_twenty_creates_on_ten_domains(self) -> None:
        every = [guests.Guest(self).define() for _ in range(10)]
        for guest in every:
            self.write(guest, guest.name)
        for guest in every[:2]:
            guest.start()
        creates = [self.start(self.job('create', guest, name))
                   for name in ('s1', 's2') for guest in every]
        for create in creates:
            self.assertEqual(0, create.wait())
            self.assertNotIsInstance(create.answer, Exception)
        for guest in every[:2]:
            guest.wait_more_ticks(2)
        for guest in every:
            infos = list(self.manager.list(guest.name))
            self.assertEqual({'s1', 's2'}, {i.name for i in infos})
            self.assertEqual({None, infos[0].name}, {i.parent for i in infos})
            self.assert_sound(guest)
        for guest in every[2:]:
            self.assertEqual({guest.name}, self.active_marks(guest))

    def test_verbs_of_all_kinds(self) -> None:
        """Each succeeds or is refused with a reason, in whatever order."""
        guest = guests.Guest(self).define()
        self.write(guest, 'one')
        self.manager.create(guest.name, 'base')
        verbs = [('create', 'a'), ('revert', 'base'), ('delete', ['base']),
                 ('create', 'b'), ('settle',), ('recover',),
                 ('create', 'a'), ('delete', ['a'])]
        runs = [self.start(self.job(str(verb), guest, *arguments))
                for verb, *arguments in verbs]
        for run in runs:
            self.assertEqual(0, run.wait())
        self.assert_sound(guest, deep=True)
        self.assertEqual({'one'}, self.active_marks(guest))

    def create(self, guest: guests.Guest, name: str) -> None:
        connection = libvirt.open(host.URI)
        try:
            snapdriver.SnapshotManager(connection).create(guest.name, name)
        finally:
            connection.close()
