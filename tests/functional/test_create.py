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

"""What a create takes and what it leaves out, in each state of a domain."""

import snapdriver
from snapdriver import exception
from tests.functional import engine
from tests.functional import guest as guests
from tests.functional import host


class TestCreate(engine.EngineTest):

    def test_paused_stays_paused(self) -> None:
        guest = guests.Guest(self).define().start()
        guest.wait_tick(3)
        guest.dom.suspend()
        made = self.manager.create(guest.name, 's1')
        self.assertEqual('paused', self.power(guest))
        self.assertEqual('disk-snapshot', made.state)
        self.assert_clean(guest)
        guest.dom.resume()
        guest.wait_more_ticks()

    def test_several_disks_and_what_is_not_ours(self) -> None:
        guest = guests.Guest(
            self, ('disk', 'disk.eph0'), config_drive=True,
            outside_disk=True).define().start()
        guest.mark('first', 'vda')
        guest.mark('first', 'vdb')
        made = self.manager.create(guest.name, 's1')
        self.assertEqual({'disk', 'disk.eph0'}, set(made.disks))
        self.assertEqual(
            {'vdc': "it lies outside the instance's directory",
             'hda': 'it is a cdrom'}, dict(made.left_out))
        self.assert_clean(guest)
        guest.mark('second', 'vda')
        guest.mark('second', 'vdb')
        self.manager.revert(guest.name, 's1')
        self.assertEqual(('first', 'first'),
                         (guest.found('vda').mark, guest.found('vdb').mark))
        self.assert_clean(guest)
        self.assertTrue(guest.base_unchanged())

    def test_chosen_disk_only(self) -> None:
        guest = guests.Guest(self, ('disk', 'disk.eph0')).define().start()
        guest.mark('first', 'vda')
        guest.mark('first', 'vdb')
        made = self.manager.create(guest.name, 's1', disks=['vdb'])
        self.assertEqual(['disk.eph0'], list(made.disks))
        self.assertEqual({'vda': 'it was not asked for'}, made.left_out)
        guest.mark('second', 'vda')
        guest.mark('second', 'vdb')
        self.manager.revert(guest.name, 's1')
        self.assertEqual(('second', 'first'),
                         (guest.found('vda').mark, guest.found('vdb').mark))
        self.assert_clean(guest)
        by_file = self.manager.create(guest.name, 's2', disks=['disk'])
        self.assertEqual(['disk'], list(by_file.disks))
        self.assert_clean(guest)

    def test_plain_domains_share_a_directory(self) -> None:
        one = guests.Guest(self, plain=True).define().start()
        other = guests.Guest(self, plain=True).define()
        one.mark('first')
        self.manager.create(one.name, 's1')
        self.manager.create(other.name, 's1')
        one.mark('second')
        self.manager.revert(one.name, 's1')
        self.assertEqual('first', one.found().mark)
        self.assert_clean(one)
        self.assert_clean(other)

    def test_default_name_is_the_time(self) -> None:
        guest = guests.Guest(self).define()
        first = self.manager.create(guest.name)
        second = self.manager.create(guest.name)
        self.assertRegex(first.name, r'^\d{10}$')
        self.assertNotEqual(first.name, second.name)

    def test_dry_run_changes_nothing(self) -> None:
        guest = guests.Guest(self).define()
        before = guest.files()
        plan = self.manager.plan_create(guest.name, 's1')
        self.assertEqual((), plan.refusals)
        self.assertEqual(1, len(plan.new_files))
        self.assertEqual(before, guest.files())


class TestLimits(engine.EngineTest):
    """Each limit refuses before anything has changed (I8)."""

    def refused(self, guest: guests.Guest, text: str) -> None:
        files = guest.files()
        self.assertIn(text, ' '.join(
            self.manager.plan_create(guest.name, 'more').refusals))
        error = self.assertRaises(
            exception.Refused, self.manager.create, guest.name, 'more')
        self.assertIn(text, str(error))
        self.assertNotIn('\n', str(error))
        self.assertEqual(files, guest.files())

    def test_limits(self) -> None:
        guest = guests.Guest(self).define()
        self.manager.create(guest.name, 's1')
        self.set(max_snapshots_per_instance=1)
        self.refused(guest, 'max_snapshots_per_instance')
        self.set(max_snapshots_per_instance=0, max_chain_depth=2)
        self.refused(guest, 'max_chain_depth')
        self.set(max_chain_depth=16, max_snapshot_bytes_per_instance=1e-6)
        self.refused(guest, 'max_snapshot_bytes_per_instance')
        self.set(max_snapshot_bytes_per_instance=0, min_free_percent=100)
        self.refused(guest, 'min_free_percent')
        self.set(min_free_percent=0)
        self.manager.create(guest.name, 'more')
        error = self.assertRaises(
            exception.Refused, self.manager.create, guest.name, 's1')
        self.assertIn('already', str(error))

    def test_deepest_chain_still_works(self) -> None:
        guest = guests.Guest(self).define()
        self.set(max_snapshots_per_instance=0)
        for number in range(1, 16):
            self.manager.create(guest.name, f's{number}')
        guest.start()
        self.assert_clean(guest)
        self.refused(guest, 'max_chain_depth')
        self.manager.revert(guest.name, 's1')
        guest.wait_for('^T ')
        self.assert_clean(guest)


class TestQuiesce(engine.EngineTest):
    """With a real agent that freezes a real file system."""

    def guest(self) -> guests.Guest:
        guest = guests.Guest(self, agent=True).define().start()
        guest.wait_agent()
        return guest

    def test_require(self) -> None:
        guest = self.guest()
        made = self.manager.create(guest.name, 's1', quiesce='require')
        self.assertEqual('quiesced', made.consistency)
        self.assertFalse(guest.is_frozen())
        guest.wait_more_ticks()
        self.assert_clean(guest)

    def test_agent_that_hangs_in_the_freeze(self) -> None:
        guest = self.guest()
        self.set(quiesce_timeout=2)
        guest.hang_freeze()
        error = self.assertRaises(
            snapdriver.SnapdriverError, self.manager.create, guest.name,
            's1', quiesce='require')
        self.assertIn('agent', str(error))
        self.assertEqual([], self.names(guest))
        # Only now does the agent freeze: the thaw that is owed comes after.
        guest.free_freeze()
        self.assertIn('thaw-owed', [
            f.code for f in self.manager.check(guest.name)])
        host.wait_until(guest.is_frozen, 'the late freeze')
        self.manager.recover(guest.name)
        self.assertFalse(guest.is_frozen())
        guest.wait_more_ticks()
        self.assert_clean(guest)
        self.assertEqual([], engine.layers(guest.files()))

    def test_silent_agent(self) -> None:
        guest = self.guest()
        self.set(quiesce_timeout=1)
        guest.stop_agent()
        error = self.assertRaises(
            exception.Refused, self.manager.create, guest.name, 's1',
            quiesce='require')
        self.assertIn('no guest agent answers', str(error))
        made = self.manager.create(guest.name, 's1', quiesce='try')
        self.assertEqual('crash-consistent', made.consistency)
        guest.continue_agent()
        guest.wait_more_ticks()
        self.assert_clean(guest)
