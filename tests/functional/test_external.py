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

"""External snapshots created and reverted: the counter proves the data."""

import snapdriver
from tests.functional import engine
from tests.functional import guest as guests


class TestExternal(engine.EngineTest):

    def test_running_there_and_back(self) -> None:
        guest = guests.Guest(self).define().start()
        guest.wait_tick(5)
        first = guest.last_tick()
        made = self.manager.create(guest.name, 's1', description='one & <two>')
        last = guest.last_tick()
        self.assertEqual('disk-snapshot', made.state)
        self.assertEqual('crash-consistent', made.consistency)
        self.assert_clean(guest)
        guest.wait_more_ticks(10)
        before = guest.last_tick()
        safety = self.manager.revert(guest.name, 's1')
        found = guest.found().tick
        self.assertTrue(first <= found <= last + 2, (first, found, last))
        self.assert_clean(guest)
        self.assertTrue(safety.safety)
        guest.wait_more_ticks(3)
        self.manager.revert(guest.name, safety.name)
        self.assertGreaterEqual(guest.found().tick, before)
        self.assert_clean(guest)
        self.assertTrue(guest.base_unchanged())

    def test_shut_off(self) -> None:
        guest = guests.Guest(self).define().start()
        guest.wait_tick(5)
        guest.destroy()
        written = guest.tick_on_disk()
        made = self.manager.create(guest.name, 's1')
        self.assertEqual(('shutoff', 'offline'),
                         (made.state, made.consistency))
        self.assert_clean(guest, deep=True)
        guest.start()
        self.assertEqual(written, guest.found().tick)
        guest.wait_more_ticks(10)
        guest.destroy()
        self.manager.revert(guest.name, 's1', power=snapdriver.Power.SHUTOFF)
        self.assertEqual(written, guest.tick_on_disk())
        self.assert_clean(guest, deep=True)
        guest.start()
        self.assertEqual(written, guest.found().tick)
