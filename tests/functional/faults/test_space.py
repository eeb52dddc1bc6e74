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

"""A file system that is full, to the last byte or nearly."""

import contextlib
import signal

import libvirt

from snapdriver import exception
from tests.functional import guest as guests
from tests.functional.faults import small_disk


class TestNoSpace(small_disk.SmallDiskTest):

    def test_create_running(self) -> None:
        guest = self.guest_on_small_disk().start()
        guest.mark('one')
        qemu, refused = guest.qemu, 0
        for left in small_disk.LEFT:
            guest.wait_more_ticks(1)
            self.fill(guest, left)
            if self.create(guest, 's1'):
                break
            refused += 1
            guest.wait_more_ticks(2)
            self.assertEqual(qemu, guest.qemu)
        else:
            self.fail('never enough')
        self.assertGreater(refused, 0)
        # The guest needs new clusters now, has none, and waits for them.
        self.empty(guest)
        with contextlib.suppress(libvirt.libvirtError):
            guest.dom.resume()
        guest.wait_more_ticks(2)
        self.assertEqual(qemu, guest.qemu)
        self.assert_sound(guest)
        self.assertEqual(['s1'], self.names(guest))
        guest.destroy()
        self.manager.revert(guest.name, 's1', safety=False)
        self.assertEqual('one', guest.on_disk().mark)

    def test_create_off(self) -> None:
        guest = self.guest_on_small_disk()
        self.write(guest, 'one')
        self.leave_ever_more(guest, lambda: self.create(guest, 's1'))
        self.assertEqual(['s1'], self.names(guest))
        self.assertEqual({'one'}, self.active_marks(guest))
        self.write(guest, 'two')
        self.leave_ever_more(guest, lambda: self.create(guest, 's2'))
        self.assert_sound(guest, deep=True)
        self.try_boot(guest)

    def test_revert(self) -> None:
        guest = self.guest_on_small_disk()
        self.write(guest, 'one')
        self.manager.create(guest.name, 's1')
        self.write(guest, 'two')

        def revert() -> bool:
            try:
                self.manager.revert(guest.name, 's1')
            except exception.NoSpace as error:
                self.assertNotIn('\n', str(error))
                self.assertEqual({'two'}, self.active_marks(guest))
                self.assertEqual(['s1'], self.names(guest))
                return False
            return True

        self.leave_ever_more(guest, revert)
        self.assertEqual({'one'}, self.active_marks(guest))
        self.assert_sound(guest, deep=True)

    def test_revert_running(self) -> None:
        """The guest runs again, on what it had, if there is no room."""
        guest = self.guest_on_small_disk()
        self.write(guest, 'one')
        self.manager.create(guest.name, 's1')
        self.write(guest, 'two')

        def revert() -> bool:
            try:
                self.manager.revert(guest.name, 's1')
            except exception.NoSpace:
                self.assertTrue(guest.dom.isActive())
                return False
            return True

        self.try_boot(guest, stop=False)
        self.leave_ever_more(guest, revert)
        self.assertTrue(guest.dom.isActive())
        self.assert_sound(guest)
        guest.destroy()
        self.manager.settle(guest.name)
        self.assertEqual({'one'}, self.active_marks(guest))

    def test_delete(self) -> None:
        """To make room is what it is for; it may need a little itself."""
        guest = self.guest_on_small_disk()
        for name in ('s1', 's2'):
            self.write(guest, name)
            self.manager.create(guest.name, name)
        self.manager.revert(guest.name, 's1', safety=False)

        def delete() -> bool:
            try:
                self.manager.delete(guest.name, ['s2'])
            except exception.NoSpace as error:
                self.assertNotIn('\n', str(error))
                return False
            return True

        self.leave_ever_more(guest, delete)
        self.assertEqual(['s1'], self.names(guest))
        self.assert_sound(guest, deep=True)

    def test_full_from_a_phase_of_a_create_on(self) -> None:
        self.full_from_each_phase('create', 6)

    def test_full_from_a_phase_of_a_revert_on(self) -> None:
        self.full_from_each_phase('revert', 11)

    def full_from_each_phase(self, verb: str, phases: int) -> None:
        """The last byte goes while a verb is under way, at any moment."""
        guest = self.guest_on_small_disk()
        self.write(guest, 'one')
        self.manager.create(guest.name, 's1')
        for index in range(phases):
            self.write(guest, 'two')
            self.try_boot(guest, stop=False)
            name = 's1' if verb == 'revert' else f'phase-{index}'
            stopped = self.start(self.job(
                verb, guest, name, signal_at=index, signal=signal.SIGSTOP))
            stopped.wait_stopped()
            self.fill(guest, 0)
            stopped.go_on()
            stopped.wait()
            if isinstance(stopped.answer, exception.SnapdriverError):
                self.assertNotIn('\n', str(stopped.answer))
            self.empty(guest)
            self.manager.recover(guest.name)
            self.assert_recover_does_nothing(guest)
            self.assert_sound(guest)
            self.assertTrue(guest.dom.isActive())
            guest.destroy()
            self.manager.settle(guest.name)
            if verb == 'create':
                self.assertEqual({'two'}, self.active_marks(guest))
                self.manager.delete(guest.name, [
                    n for n in self.names(guest) if n != 's1'])
            else:
                done = 'revert:committed' in stopped.phases
                self.assertEqual({'one' if done else 'two'},
                                 self.active_marks(guest))

    def test_preflight(self) -> None:
        guest = self.guest_on_small_disk()
        self.set(min_free_percent=10)
        self.fill(guest, 1 << 20)
        error = self.assertRaises(
            exception.Refused, self.manager.create, guest.name, 's1')
        self.assertIn('min_free_percent', str(error))
        self.assertEqual([], self.names(guest))

    def create(self, guest: guests.Guest, name: str) -> bool:
        """Whether there was room for it; if not, nothing has changed."""
        names = self.names(guest)
        sources = self.sources(guest)
        try:
            self.manager.create(guest.name, name)
        except exception.NoSpace as error:
            self.assertNotIn('\n', str(error))
            self.assertEqual(names, self.names(guest))
            self.assertEqual(sources, self.sources(guest))
            return False
        return True
