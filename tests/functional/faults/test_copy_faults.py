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

"""Deaths and a full disk while a tag is copied into a layer of its own."""

import os
import pathlib

import fixtures

from snapdriver import exception
from tests.functional import guest as guests
from tests.functional import host
from tests.functional.faults import base
from tests.functional.faults import small_disk

_DATA = 384  # MiB: copying them takes longer than to see that it has begun


class TestKilled(base.FaultTest):
    """The process dies by kill -9 in the middle of qemu-img convert."""

    def test_off(self) -> None:
        self.kill(running=False)

    def test_running(self) -> None:
        self.kill(running=True)

    def kill(self, running: bool) -> None:
        guest = guests.Guest(self).define()
        self.write(guest, 'one')
        self.write_more(guest, _DATA)
        self.manager.create(guest.name, 's1', kind='internal')
        self.manager.create(guest.name, 's2')
        self.write(guest, 'two')
        if running:
            guest.start()
        active, files = self.active(guest, 'disk'), set(guest.files())
        victim = self.start(self.job('revert', guest, 's1', memory=False))
        host.wait_until(lambda: self.is_copying(guest, files),
                        'the copy is in the middle')
        victim.kill()
        victim.wait()
        self.assertIsNone(victim.answer)
        self.manager.recover(guest.name)
        self.assert_recover_does_nothing(guest)
        self.assert_sound(guest)
        self.assertEqual(files, set(guest.files()))
        self.assertEqual(active, self.active(guest, 'disk'))
        self.assertEqual(['s1', 's2'], self.names(guest))
        self.assertEqual(running, bool(guest.dom.isActive()))
        if running:
            self.assertEqual('two', guest.seen().mark)
            guest.destroy()
            self.manager.settle(guest.name)
        self.assertEqual({'two'}, self.active_marks(guest))
        self.manager.revert(guest.name, 's1', safety=False, memory=False)
        self.assertEqual({'one'}, self.active_marks(guest))
        self.assert_sound(guest, deep=True)

    def is_copying(self, guest: guests.Guest, before: set[str]) -> bool:
        """Whether the new layer has data, and qemu-img still writes it."""
        new = [guest.directory / name for name in guest.files()
               if name not in before and '.layer-' in name]
        return any(_size(path) > 32 << 20 for path in new)


class TestNoSpace(small_disk.SmallDiskTest):

    def test_copy(self) -> None:
        guest = self.guest_on_small_disk()
        self.write(guest, 'one')
        self.manager.create(guest.name, 's1', kind='internal')
        self.manager.create(guest.name, 's2')
        self.write(guest, 'two')

        def revert() -> bool:
            try:
                self.manager.revert(guest.name, 's1', safety=False,
                                    memory=False)
            except exception.NoSpace as error:
                self.assertNotIn('\n', str(error))
                self.assertEqual({'two'}, self.active_marks(guest))
                self.assertEqual(['s1', 's2'], self.names(guest))
                return False
            return True

        self.fill(guest, 1 << 16)
        error = self.assertRaises(exception.Refused, revert)
        self.assertIn('are free', str(error))
        self.useFixture(fixtures.MockPatch(
            'snapdriver.preflight.of_space', lambda *args: []))
        self.leave_ever_more(guest, revert, range(0, 1 << 20, 48 << 10))
        self.assertEqual({'one'}, self.active_marks(guest))
        self.assert_sound(guest, deep=True)


def _size(path: pathlib.Path) -> int:
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return 0
