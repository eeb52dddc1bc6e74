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

"""Deletes that merge, on real disks."""

from tests.functional import engine
from tests.functional import guest as guests

_TWO = ('disk', 'disk.eph0')


class MergeTest(engine.EngineTest):
    """One chain: each snapshot s1 to s4 with a mark and a MiB of its own."""

    def chain(self, disk_names: tuple[str, ...] = ('disk',),
              count: int = 3) -> guests.Guest:
        guest = guests.Guest(self, disk_names)
        self.modes = self.modes_of(guest)
        guest.define().start()
        for number in range(1, count + 1):
            self.write(guest, number)
            self.manager.create(guest.name, f's{number}')
        self.write(guest, count + 1)
        return guest

    def write(self, guest: guests.Guest, number: int) -> None:
        for disk in guest.disks:
            guest.mark(f'm{number}', disk.target)
            guest.fill(4 * number, 4, seed=number, device=disk.target)

    def sums(self, guest: guests.Guest) -> list[str]:
        return [guest.sum(4, 20, disk.target) for disk in guest.disks]

    def merge(self, guest: guests.Guest) -> None:
        merged = self.manager.merge(guest.name)
        self.assertEqual({}, dict(merged.pending))
        self.assert_clean(guest)
        self.assertTrue(guest.base_unchanged())

    def assert_data(self, guest: guests.Guest, sums: list[str]) -> None:
        """As now, and after it was stopped and started."""
        self.assertEqual(sums, self.sums(guest))
        tick = guest.last_tick()
        guest.destroy()
        self.manager.settle(guest.name)
        guest.dom.create()
        guest.wait_for('^T ', 60)
        self.assertEqual(sums, self.sums(guest))
        self.assertGreaterEqual(guest.last_tick(), tick)
        self.assert_clean(guest)

    def modes_of(self, guest: guests.Guest) -> dict[str, int]:
        files = guest.files()
        return {disk.name: files[disk.name].mode for disk in guest.disks}

    def assert_as_before(self, guest: guests.Guest) -> None:
        """Nothing is left of us, and Nova reads a running guest's disks."""
        self.assertEqual(0, self.count(guest))
        self.assertEqual(self.modes, self.modes_of(guest))

    def count(self, guest: guests.Guest) -> int:
        return len(self.state(guest).layers)


class RunningTest(MergeTest):

    def test_middle(self) -> None:
        guest = self.chain()
        sums = self.sums(guest)
        self.manager.delete(guest.name, ['s2'])
        self.merge(guest)
        self.assertEqual(3, self.count(guest))
        self.assert_data(guest, sums)
        self.manager.revert(guest.name, 's1')
        guest.wait_for('^T ', 60)
        self.assertEqual('m1', guest.seen().mark)
        self.manager.revert(guest.name, 's3')
        guest.wait_for('^T ', 60)
        self.assertEqual('m3', guest.seen().mark)

    def test_root(self) -> None:
        guest = self.chain()
        sums = self.sums(guest)
        self.manager.delete(guest.name, ['s1'])
        self.merge(guest)
        self.assertEqual(3, self.count(guest))
        self.assert_data(guest, sums)

    def test_leaf_and_all_of_two_disks(self) -> None:
        guest = self.chain(_TWO)
        sums = self.sums(guest)
        self.manager.delete(guest.name, ['s3'])
        self.merge(guest)
        self.assertEqual(6, self.count(guest))
        self.assertEqual(sums, self.sums(guest))
        self.manager.delete(guest.name, [], everything=True)
        self.merge(guest)
        self.assert_as_before(guest)
        self.assert_data(guest, sums)


class OffTest(MergeTest):

    def chain(self, disk_names: tuple[str, ...] = ('disk',),
              count: int = 3) -> guests.Guest:
        guest = super().chain(disk_names, count)
        self.before = self.sums(guest)
        guest.destroy()
        return guest

    def boot(self, guest: guests.Guest) -> None:
        guest.dom.create()
        guest.wait_for('^T ', 60)

    def test_middle_and_all(self) -> None:
        guest = self.chain(_TWO)
        self.manager.delete(guest.name, ['s2'])
        self.merge(guest)
        self.assertEqual(6, self.count(guest))
        self.manager.delete(guest.name, [], everything=True)
        self.merge(guest)
        self.assert_as_before(guest)
        self.assertEqual(
            {'disk', 'disk.eph0', 'disk.info', 'snapdriver'},
            set(guest.files()))
        self.boot(guest)
        self.assertEqual(self.before, self.sums(guest))
