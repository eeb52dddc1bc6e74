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

"""Reverts to any snapshot from any state, on any branch."""

import libvirt

import snapdriver
from snapdriver import exception
from tests.functional import engine
from tests.functional import guest as guests

OFF = snapdriver.Power.SHUTOFF


class TestRevert(engine.EngineTest):

    def marked(self, guest: guests.Guest, *names: str) -> None:
        """One mark and one snapshot of it for each name."""
        for name in names:
            guest.mark(name)
            self.manager.create(guest.name, name)

    def test_older_branches_back_and_forth(self) -> None:
        guest = guests.Guest(self).define().start()
        self.marked(guest, 'a', 'b', 'c')
        self.manager.revert(guest.name, 'a')
        self.assertEqual('a', guest.found().mark)
        self.marked(guest, 'a1', 'a2')
        for name in ('c', 'a1', 'b', 'a2', 'a', 'c'):
            self.manager.revert(guest.name, name)
            self.assertEqual(name, guest.found().mark)
            self.assert_clean(guest)
        infos = {info.name: info for info in self.manager.list(guest.name)}
        self.assertEqual(('a', 'a', 'b', 'a1'), tuple(
            infos[name].parent for name in ('b', 'a1', 'c', 'a2')))
        self.assertTrue(infos['c'].current)
        self.assertTrue(guest.base_unchanged())

    def test_every_power_state(self) -> None:
        guest = guests.Guest(self).define().start()
        self.marked(guest, 'a')
        steps = [('running', None, 'running'), ('running', OFF, 'shutoff'),
                 ('shutoff', None, 'shutoff'),
                 ('shutoff', snapdriver.Power.PAUSED, 'paused'),
                 ('paused', None, 'paused'),
                 ('paused', snapdriver.Power.RUNNING, 'running')]
        for was, asked, expected in steps:
            self.assertEqual(was, self.power(guest))
            self.manager.revert(guest.name, 'a', power=asked)
            self.assertEqual(expected, self.power(guest))
            self.assert_clean(guest)
        self.assertEqual('a', guest.found().mark)

    def test_safety_snapshots(self) -> None:
        guest = guests.Guest(self).define().start()
        self.marked(guest, 'a')
        guest.mark('later')
        first = self.manager.revert(guest.name, 'a', power=OFF)
        self.assertEqual('Before the revert to a', first.description)
        # Nothing was written since: nothing to keep, and no file leaks.
        before = set(guest.files())
        self.assertIsNone(self.manager.revert(guest.name, 'a'))
        self.assertEqual(len(before), len(guest.files()))
        guest.start()
        guest.mark('latest')
        second = self.manager.revert(guest.name, 'a')
        self.assertNotIn(first.name, self.names(guest))
        self.assertEqual('a', guest.found().mark)
        self.assert_clean(guest)
        # A safety snapshot is one like any other; the target stays.
        guest.mark('other')
        third = self.manager.revert(guest.name, second.name)
        self.assertEqual('latest', guest.found().mark)
        self.assertEqual({'a', second.name, third.name},
                         set(self.names(guest)))
        self.assert_clean(guest)

    def test_without_safety_what_was_active_goes(self) -> None:
        guest = guests.Guest(self).define().start()
        self.marked(guest, 'a')
        guest.mark('lost')
        layers = engine.layers(guest.files())
        self.assertIsNone(
            self.manager.revert(guest.name, 'a', safety=False))
        self.assertEqual(['a'], self.names(guest))
        self.assertEqual(len(layers), len(engine.layers(guest.files())))
        self.assertEqual('a', guest.found().mark)
        self.assert_clean(guest)

    def test_dry_run_changes_nothing(self) -> None:
        guest = guests.Guest(self).define()
        self.manager.create(guest.name, 'a')
        before = guest.files()
        plan = self.manager.plan_revert(guest.name, 'a')
        self.assertEqual((), plan.refusals)
        self.assertEqual(before, guest.files())

    def test_disk_that_has_grown_stays_grown(self) -> None:
        guest = guests.Guest(self).define().start()
        self.marked(guest, 'a')
        guest.dom.blockResize(
            'vda', 2 << 30, libvirt.VIR_DOMAIN_BLOCK_RESIZE_BYTES)
        self.marked(guest, 'b')
        self.manager.revert(guest.name, 'a')
        self.assertEqual('a', guest.found().mark)
        self.assertEqual(2 << 30, guest.dom.blockInfo('vda')[0])
        self.assert_clean(guest)


class TestRefusals(engine.EngineTest):
    """What must end first; the guest and its files are left alone (I8)."""

    def test_block_job(self) -> None:
        guest = guests.Guest(self).define().start()
        self.manager.create(guest.name, 'a')
        guest.dom.blockCopy(
            'vda', "<disk type='file'><source file="
            f"'{guest.directory}/copy'/><driver type='qcow2'/></disk>", {},
            libvirt.VIR_DOMAIN_BLOCK_COPY_TRANSIENT_JOB)
        for verb in (lambda: self.manager.create(guest.name, 'b'),
                     lambda: self.manager.revert(guest.name, 'a')):
            error = self.assertRaises(exception.Refused, verb)
            self.assertIn('block job', str(error))
        guest.dom.blockJobAbort('vda')
        self.manager.create(guest.name, 'b')
        self.assert_clean(guest)

    def test_detached_disk(self) -> None:
        guest = guests.Guest(self, ('disk', 'disk.eph0')).define()
        self.manager.create(guest.name, 'a')
        xml = guest.dom.XMLDesc()
        guest.dom.detachDeviceFlags(
            f"<disk type='file' device='disk'><source file="
            f"'{guest.directory / self.active(guest, 'disk.eph0')}'/>"
            "<target dev='vdb'/></disk>", libvirt.VIR_DOMAIN_AFFECT_CONFIG)
        self.assertNotEqual(xml, guest.dom.XMLDesc())
        error = self.assertRaises(
            exception.Refused, self.manager.revert, guest.name, 'a')
        self.assertIn('disk.eph0', str(error))

    def test_unknown_snapshot(self) -> None:
        guest = guests.Guest(self).define()
        for verb in (self.manager.revert, self.manager.show):
            self.assertRaises(exception.SnapshotNotFound, verb, guest.name,
                              'nothing')
        self.assertRaises(exception.SnapshotNotFound, self.manager.delete,
                          guest.name, ['nothing'])
