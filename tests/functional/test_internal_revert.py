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


"""Reverts to internal snapshots, with memory and without."""

import time

import fixtures
import libvirt

import snapdriver
from snapdriver import exception
from snapdriver import qemuimg
from tests.functional import engine
from tests.functional import guest as guests
from tests.functional import test_internal

OFF = snapdriver.Power.SHUTOFF
TWO = test_internal.TWO


class RevertTest(test_internal.InternalTest):
    """What the tests of these reverts have in common."""

    def marked(self, guest: guests.Guest, *names: str) -> None:
        """One mark and one internal snapshot of it for each name."""
        for name in names:
            guest.mark(name)
            self.take(guest, name)

    def take_running(self, guest: guests.Guest, name: str) -> range:
        """Take one; the ticks of which one comes next when it is put back.

        The guest counts on before we hear that it was taken.
        """
        first = guest.last_tick()
        self.take(guest, name)
        return range(first, guest.last_tick() + 2)

    def assert_went_on(self, guest: guests.Guest, ticks: range) -> None:
        """The same boot, from one of those ticks: its memory is back."""
        guest.wait_for('^T ')
        self.assertIn(guest.ticks()[0].number, ticks)
        self.assertEqual([], [line.text for line
                              in guest.console.said(guest.qemu)
                              if line.text.startswith(('FOUND', 'READY'))])

    def assert_booted(self, guest: guests.Guest, mark: str) -> None:
        self.assertEqual(mark, guest.found().mark)

    def assert_defined_today(self, guest: guests.Guest) -> None:
        """On the active layers, without ``<backingStore>``."""
        xml = guest.dom.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
        self.assertNotIn('<backingStore', xml)
        for disk in self.state(guest).disks:
            self.assertIn(self.active(guest, disk), xml)


class TestMemory(RevertTest):

    def test_back_and_forth(self) -> None:
        guest = guests.Guest(self, TWO, config_drive=True).define().start()
        ticks = {}
        for name in ('a', 'b'):
            guest.mark(name)
            guest.mark(name, 'vdb')
            ticks[name] = self.take_running(guest, name)
            guest.wait_more_ticks()
        guest.mark('later')
        first = self.manager.revert(guest.name, 'a')
        self.assertTrue(first.safety)
        self.assertEqual(('internal', 'running', 'b'),
                         (first.kind, first.state, first.parent))
        self.assert_went_on(guest, ticks['a'])
        self.assertEqual(('a', 'a'), (guest.seen().mark,
                                      guest.seen('vdb').mark))
        self.assert_clean(guest)
        self.assert_defined_today(guest)
        second = self.manager.revert(guest.name, first.name)
        self.assertEqual('later', guest.seen().mark)
        # Only the newest is kept, and the target.
        self.assertEqual({'a', 'b', first.name, second.name},
                         set(self.names(guest)))
        third = self.manager.revert(guest.name, 'b')
        self.assert_went_on(guest, ticks['b'])
        self.assertEqual(['a', 'b', third.name], sorted(self.names(guest)))
        self.assertEqual({'a', 'b', third.name},
                         set(test_internal.tags(guest, 'disk.eph0')))
        self.assertEqual('b', guest.seen().mark)
        self.assert_clean(guest)
        # It is as it was for whoever boots it, too.
        guest.destroy()
        self.manager.settle(guest.name)
        guest.start()
        self.assert_booted(guest, 'b')
        self.assert_clean(guest)
        self.assertTrue(guest.base_unchanged())

    def test_every_power_state(self) -> None:
        guest = guests.Guest(self).define().start()
        self.marked(guest, 'runs')
        guest.dom.suspend()
        self.take(guest, 'paused')
        tick = guest.last_tick()
        guest.dom.resume()
        steps = [('runs', None, 'running'), ('paused', None, 'paused'),
                 ('runs', snapdriver.Power.PAUSED, 'paused'),
                 ('runs', OFF, 'shutoff'), ('runs', None, 'running'),
                 ('paused', snapdriver.Power.RUNNING, 'running')]
        for name, asked, expected in steps:
            self.manager.revert(guest.name, name, power=asked, safety=False)
            self.assertEqual(expected, self.power(guest))
            self.assert_clean(guest)
        self.assert_went_on(guest, range(tick, tick + 2))
        self.assertEqual(['paused', 'runs'], sorted(self.names(guest)))

    def test_clock(self) -> None:
        guest = guests.Guest(self, agent=True).define().start()
        guest.wait_agent()
        self.take(guest, 's1')
        guest.wait_more_ticks(30)
        self.manager.revert(guest.name, 's1', safety=False)
        guest.wait_more_ticks()
        seconds = guest.dom.getTime()['seconds']
        self.assertLess(abs(time.time() - seconds), 3)
        self.assert_clean(guest)


class TestMachine(RevertTest):
    """Memory fits only the machine that it was saved on."""

    VOLUME = ("<disk type='file' device='disk'><driver name='qemu' "
              "type='raw'/><source file='{}'/><target dev='vdc' "
              "bus='virtio'/></disk>")

    def refused_revert(self, guest: guests.Guest, text: str) -> None:
        error = self.assertRaises(
            exception.Refused, self.manager.revert, guest.name, 's1')
        self.assertIn(text, str(error))
        self.assertIn('--no-memory', str(error))

    def test_device_attached_since(self) -> None:
        guest = guests.Guest(self).define().start()
        guest.mark('s1')
        ticks = self.take_running(guest, 's1')
        xml = guest.dom.XMLDesc()
        disk = guests.disks.volume(guest.uuid, 2)
        guest.disks.append(disk)
        disk.make('1M')
        volume = self.VOLUME.format(disk.path)
        both = (libvirt.VIR_DOMAIN_AFFECT_LIVE
                | libvirt.VIR_DOMAIN_AFFECT_CONFIG)
        guest.dom.attachDeviceFlags(volume, both)
        guest.mark('later')
        self.refused_revert(guest, 'disk vdc was not there')
        self.assertEqual('later', guest.seen().mark)
        # No safety snapshot can have the volume in it.
        error = self.assertRaises(
            exception.Refused, self.manager.revert, guest.name, 's1',
            memory=False)
        self.assertIn('no safety snapshot', str(error))
        self.manager.revert(guest.name, 's1', memory=False, safety=False)
        self.assert_booted(guest, 's1')
        self.assertIn('vdc', guest.dom.XMLDesc())
        self.assert_clean(guest)
        guest.dom.detachDeviceFlags(volume, both)
        guests.host.wait_until(lambda: 'vdc' not in guest.dom.XMLDesc(),
                               'the volume is gone')
        self.manager.revert(guest.name, 's1')
        self.assert_went_on(guest, ticks)
        self.assertNotIn('vdc', guest.dom.XMLDesc())
        self.assertNotEqual(xml, '')
        self.assert_clean(guest)

    def test_detached_volume_never_comes_back(self) -> None:
        guest = guests.Guest(self).define().start()
        self.marked(guest, 's1')
        xml = self.manager.show(guest.name, 's1')
        folder = guest.directory / 'snapdriver'
        saved = folder / f'{xml.id}.xml'
        # As if it had been attached when the snapshot was made.
        saved.write_text(saved.read_text().replace(
            '<devices>', '<devices>' + self.VOLUME.format('/srv/v'), 1))
        self.refused_revert(guest, 'disk vdc is missing')
        self.manager.revert(guest.name, 's1', memory=False)
        self.assertNotIn('vdc', guest.dom.XMLDesc(
            libvirt.VIR_DOMAIN_XML_INACTIVE))

    def test_memory_and_cpu(self) -> None:
        guest = guests.Guest(self).define().start()
        self.marked(guest, 's1')
        guest.memory += 32
        guest.define()
        self.refused_revert(guest, 'the memory is')
        guest.memory -= 32
        self.conn.defineXML(guest.xml().replace(
            '<devices>', "<cpu mode='custom'><model>Nehalem</model></cpu>"
            '<devices>'))
        self.refused_revert(guest, 'the CPU is')
        guest.define()
        self.manager.revert(guest.name, 's1')
        guest.wait_for('^T ')
        self.assert_clean(guest)


class TestDisksOnly(RevertTest):

    def test_off(self) -> None:
        guest = guests.Guest(self, TWO).define().start()
        guest.mark('a')
        guest.mark('a', 'vdb')
        guest.destroy()
        self.take(guest, 'a')
        # Nothing was written since: there is nothing to keep.
        self.assertIsNone(self.manager.revert(guest.name, 'a'))
        guest.start()
        guest.mark('b')
        guest.mark('b', 'vdb')
        guest.destroy()
        safety = self.manager.revert(guest.name, 'a')
        self.assertEqual(('shutoff', 'offline'),
                         (safety.state, safety.consistency))
        self.assertEqual('shutoff', self.power(guest))
        self.assert_clean(guest, deep=True)
        self.assertEqual(('a', 'a'), (guest.on_disk().mark, guest.on_disk(
            'disk.eph0').mark))
        self.manager.revert(guest.name, safety.name,
                            power=snapdriver.Power.RUNNING)
        self.assert_booted(guest, 'b')
        # A snapshot of a guest that was off, of one that runs: it boots.
        last = self.manager.revert(guest.name, 'a')
        self.assertEqual('running', last.state)
        self.assert_booted(guest, 'a')
        self.assert_clean(guest)

    def test_disk_that_has_grown_stays_grown(self) -> None:
        guest = guests.Guest(self).define().start()
        self.marked(guest, 'a')
        guest.dom.blockResize(
            'vda', 2 << 30, libvirt.VIR_DOMAIN_BLOCK_RESIZE_BYTES)
        error = self.assertRaises(
            exception.Refused, self.manager.revert, guest.name, 'a')
        self.assertIn('disk vda has', str(error))
        self.manager.revert(guest.name, 'a', memory=False)
        self.assert_booted(guest, 'a')
        self.assertEqual(2 << 30, guest.dom.blockInfo('vda')[0])
        self.assert_clean(guest)


class TestMixed(RevertTest):
    """Internal and external snapshots of one domain."""

    def test_revert_to_each(self) -> None:
        guest = guests.Guest(self).define().start()
        marks = []
        for name in ('i1', 'e1', 'i2', 'e2', 'i3'):
            guest.mark(name)
            self.manager.create(
                guest.name, name,
                kind='internal' if name[0] == 'i' else 'external')
            marks.append(name)
            self.assert_clean(guest)
        order = ['i3', 'i1', 'e2', 'i2', 'e1', 'i1', 'e2']
        for name in order:
            self.manager.revert(guest.name, name)
            guest.wait_for('^T ')
            self.assertEqual(name, guest.seen().mark)
            self.assert_clean(guest)
        guest.destroy()
        self.manager.settle(guest.name)
        self.assertEqual(set(), set(marks) - set(self.names(guest)))
        for name in order:
            self.manager.revert(guest.name, name, power=OFF)
            self.assertEqual(name, guest.on_disk().mark)
            self.assert_clean(guest)
        self.manager.delete(guest.name, [], everything=True)
        guest.start()
        self.assertEqual('e2', guest.found().mark)
        self.assertTrue(guest.base_unchanged())

    def test_copy_of_a_tag(self) -> None:
        guest = guests.Guest(self, TWO).define().start()
        guest.mark('i1')
        guest.mark('i1', 'vdb')
        guest.fill(8, 4)
        data = guest.sum(8, 4)
        self.take(guest, 'i1')
        guest.fill(16, 32, 2)
        self.manager.create(guest.name, 'e1')
        guest.mark('later')
        plan = self.manager.plan_revert(guest.name, 'i1')
        self.assertEqual((), plan.refusals)
        self.assertIn('the guest boots', ' '.join(plan.notes))
        safety = self.manager.revert(guest.name, 'i1')
        self.assertEqual('external', safety.kind)
        self.assert_booted(guest, 'i1')
        self.assertEqual('i1', guest.found('vdb').mark)
        self.assertEqual(data, guest.sum(8, 4))
        self.assert_clean(guest)
        # What it holds itself, not what it stands on, nor what came later.
        copy = guest.files()[self.active(guest, 'disk')]
        self.assertEqual(0o600, copy.mode)
        self.assertLess(copy.size, 16 << 20)
        self.assertEqual({}, dict(self.state(guest).jobs))
        self.manager.revert(guest.name, safety.name)
        self.assert_booted(guest, 'later')
        self.assertTrue(guest.base_unchanged())

    def test_snapshot_that_goes_while_it_is_copied(self) -> None:
        guest = guests.Guest(self).define().start()
        self.marked(guest, 'i1')
        self.manager.create(guest.name, 'e1')
        before = engine.layers(guest.files())
        manager, other = self.manager, self.manager
        self.patch_copy(lambda: other.delete(guest.name, ['i1']))
        error = self.assertRaises(
            exception.Refused, manager.revert, guest.name, 'i1')
        self.assertIn('while the tag was copied', str(error))
        self.assertEqual(before, engine.layers(guest.files()))
        self.assertEqual(1, len(self.state(guest).jobs))  # the tag's
        guest.wait_more_ticks()

    def patch_copy(self, act: object) -> None:
        """Have something happen after the copy, before the lock is back."""
        images = qemuimg.Images
        copy = images.copy_tag

        def copy_and_act(*args: object) -> None:
            copy(*args)
            act()

        self.useFixture(fixtures.MockPatchObject(
            images, 'copy_tag', copy_and_act))
