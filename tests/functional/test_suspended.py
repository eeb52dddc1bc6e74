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

"""Snapshots of a domain that is suspended to a managed save image."""

import os

from snapdriver import model
from tests.functional import engine
from tests.functional import guest as guests


class TestSuspended(engine.EngineTest):
    """It goes on in its memory afterwards, and nothing is lost."""

    def suspended(self) -> guests.Guest:
        guest = guests.Guest(self, ('disk', 'disk.eph0')).define().start()
        guest.mark('before')
        guest.dom.managedSave()
        return guest

    def go_on(self, guest: guests.Guest) -> None:
        last = guest.last_tick()
        guest.dom.create()  # resumes: no boot, the counter goes on
        guest.wait_tick(last + 2)
        self.assertEqual('before', guest.seen().mark)

    def test_external(self) -> None:
        guest = self.suspended()
        made = self.manager.create(guest.name, 's1')
        self.assertEqual(model.Consistency.CRASH_CONSISTENT,
                         made.consistency)
        self.manager.create(guest.name, 's2')
        self.assert_clean(guest)
        self.go_on(guest)
        guest.mark('after')
        self.assert_clean(guest)
        # Nova's names are right whatever is defined anew now.
        guest.destroy()
        self.assertTrue(self.manager.settle(guest.name))
        guest.start()
        self.assertEqual('after', guest.found().mark)
        for name in ('s1', 's2'):
            self.manager.revert(guest.name, name)
            self.assertEqual('before', guest.found().mark)
        self.assert_clean(guest)

    def test_on_an_overlay(self) -> None:
        guest = guests.Guest(self, ('disk',)).define().start()
        self.manager.create(guest.name, 's1')
        guest.mark('before')
        guest.dom.managedSave()  # its names are not settled
        self.manager.create(guest.name, 's2')
        self.assert_clean(guest)
        self.go_on(guest)
        self.assert_clean(guest)
        self.manager.revert(guest.name, 's1')
        self.manager.revert(guest.name, 's2')
        self.assertEqual('before', guest.found().mark)

    def test_internal(self) -> None:
        guest = self.suspended()
        made = self.manager.create(guest.name, 's1', kind='internal')
        self.assertEqual(model.Consistency.CRASH_CONSISTENT,
                         made.consistency)
        self.go_on(guest)
        guest.mark('after')
        self.manager.revert(guest.name, 's1', power=model.Power.RUNNING)
        self.assertEqual('before', guest.found().mark)
        self.assert_clean(guest)

    def test_save_image_is_dropped(self) -> None:
        guest = self.suspended()
        self.manager.create(guest.name, 's1')
        guest.dom.managedSaveRemove()
        self.assertTrue(self.manager.settle(guest.name))
        self.assertTrue(os.path.samefile(
            guest.directory / 'disk',
            guest.directory / self.manager.state(guest.name).layers[
                self.manager.state(guest.name).disks['disk'].active].file))
        guest.start()
        self.assertEqual('before', guest.found().mark)
        self.assert_clean(guest)
