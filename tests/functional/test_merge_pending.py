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

"""Merges that cannot be done now, and the way that they take."""

from collections.abc import Iterator
import contextlib

from tests.functional import engine
from tests.functional import guest as guests
from tests.functional import host


class WayTest(engine.EngineTest):
    """``s0``, then ``s1`` whose name goes, between two amounts of data."""

    def prepare(self, lower: int, upper: int) -> guests.Guest:
        guest = guests.Guest(self).define().start()
        self.manager.create(guest.name, 's0')
        guest.mark('one')
        guest.fill(4, lower)
        self.manager.create(guest.name, 's1')
        guest.mark('two')
        guest.fill(20, upper, seed=2)
        self.data = guest.sum(2, 38)
        return guest

    def merge(self, guest: guests.Guest) -> str:
        self.manager.delete(guest.name, ['s1'])
        self.assert_clean(guest, 'merge-pending')
        merged = self.manager.merge(guest.name)
        self.assertEqual({}, dict(merged.pending))
        self.assert_clean(guest)
        self.assertTrue(guest.base_unchanged())
        return merged.done[0]

    def finish(self, guest: guests.Guest) -> None:
        """As before, also once it is started again."""
        if guest.dom.isActive():
            self.assertEqual(self.data, guest.sum(2, 38))
            guest.destroy()
        self.manager.settle(guest.name)
        guest.dom.create()
        guest.wait_for('^READY')
        self.assertEqual(self.data, guest.sum(2, 38))
        self.assertEqual('two', guest.seen().mark)


class TestWay(WayTest):

    def test_up_is_cheaper_running(self) -> None:
        guest = self.prepare(lower=2, upper=12)
        self.assertRegex(self.merge(guest), 'merged up into .*, live')
        self.finish(guest)

    def test_down_is_cheaper_running(self) -> None:
        guest = self.prepare(lower=12, upper=2)
        self.assertRegex(self.merge(guest), 'merged down into .*, live')
        self.finish(guest)

    def test_up_is_cheaper_off(self) -> None:
        guest = self.prepare(lower=2, upper=12)
        guest.destroy()
        self.assertRegex(self.merge(guest), 'merged up into .*, offline')
        self.finish(guest)

    def test_down_is_cheaper_off(self) -> None:
        guest = self.prepare(lower=12, upper=2)
        guest.destroy()
        self.assertRegex(self.merge(guest), 'merged down into .*, offline')
        self.finish(guest)

    def test_up_from_the_lowest_layer(self) -> None:
        """What is pulled stands on the image in _base, which is not."""
        guest = guests.Guest(self).define().start()
        guest.mark('one')
        self.manager.create(guest.name, 's1')
        guest.mark('two')
        guest.fill(20, 12, seed=2)
        self.data = guest.sum(2, 38)
        self.assertRegex(self.merge(guest), 'merged up into .*, live')
        self.finish(guest)

    def test_a_branch_while_it_runs(self) -> None:
        """qemu-img merges what QEMU has not open."""
        guest = self.prepare(lower=1, upper=1)
        self.manager.create(guest.name, 's2')
        guest.mark('three')
        self.manager.revert(guest.name, 's0', safety=False)
        guest.wait_for('^READY')
        guest.mark('other')
        self.assertRegex(self.merge(guest), 'merged down into .*, offline')
        self.assertEqual('other', guest.seen().mark)
        self.manager.revert(guest.name, 's2', safety=False)
        guest.wait_for('^READY')
        self.assertEqual(self.data, guest.sum(2, 38))


class TestPending(WayTest):

    def test_files_that_cannot_be_changed(self) -> None:
        """As with AppArmor: refused before anything happens, and later done.

        QEMU would die if it could not write the header of the layer above.
        """
        guest = self.prepare(lower=2, upper=2)
        self.manager.create(guest.name, 's2')
        guest.mark('three')
        qemu = guest.qemu
        state = self.state(guest)
        files = [layer.file for layer in state.layers.values()
                 if layer.id != state.disks['disk'].active]
        self.manager.delete(guest.name, ['s1'])
        for file in files[1:]:  # the lower, and the one that goes
            with immutable(guest, file):
                merged = self.manager.merge(guest.name)
                self.assertEqual((), merged.done)
                self.assertIn(file, str(dict(merged.pending)))
            self.assert_clean(guest, 'merge-pending')
        self.assertEqual(qemu, guest.qemu)
        guest.wait_more_ticks(2)
        merged = self.manager.merge(guest.name)
        self.assertEqual(1, len(merged.done))
        self.assertEqual(qemu, guest.qemu)
        self.assert_clean(guest)

    def test_suspended(self) -> None:
        guest = self.prepare(lower=2, upper=2)
        self.manager.delete(guest.name, ['s1'])
        guest.dom.managedSave()
        merged = self.manager.merge(guest.name)
        self.assertIn('managed save', str(dict(merged.pending)))
        guest.dom.create()
        guest.wait_more_ticks(2)
        self.assertEqual(1, len(self.manager.merge(guest.name).done))
        self.assert_clean(guest)
        self.finish(guest)


@contextlib.contextmanager
def immutable(guest: guests.Guest, file: str) -> Iterator[None]:
    path = guest.directory / file
    host.as_root('chattr', '+i', path)
    try:
        yield
    finally:
        host.as_root('chattr', '-i', path)
