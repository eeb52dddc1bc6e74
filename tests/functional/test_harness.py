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

"""The tests' own tools, tried on a real guest."""

import json
import time

import libvirt
import libvirt_qemu

from tests.functional import base
from tests.functional import guest
from tests.functional import host


class GuestTest(base.FunctionalTest):
    def test_goes_on_counting_after_a_power_cut(self) -> None:
        vm = guest.Guest(self, ('disk', 'disk.eph0'), config_drive=True)
        vm.define().start()
        self.assertIsNone(vm.found().tick)
        vm.mark('before')
        last = vm.wait_more_ticks()
        vm.destroy()
        last = max(last, vm.last_tick())

        self.assertIn(vm.tick_on_disk(), (last, last + 1))
        self.assertIn(vm.tick_on_disk('disk.eph0'), (last - 1, last, last + 1))
        self.assertEqual('before', vm.on_disk().mark)

        vm.undefine_and_define()
        vm.start()
        self.assertIn(vm.found().tick, (last, last + 1))
        self.assertEqual('before', vm.found().mark)
        self.assertIsNone(vm.found('vdb').mark)
        vm.wait_tick(last + 2)
        self.assertTrue(vm.base_unchanged())

    def test_powers_off(self) -> None:
        vm = guest.Guest(self).define().start()
        vm.poweroff_from_inside()
        self.assertEqual(vm.last_tick(), vm.tick_on_disk())
        vm.start()
        vm.press_power_button()
        self.assertEqual(vm.last_tick(), vm.tick_on_disk())

    def test_fill_and_sum(self) -> None:
        vm = guest.Guest(self).define().start()
        empty = vm.sum(2, 2)
        vm.fill(2, 2, seed=7)
        filled = vm.sum(2, 2)
        vm.fill(2, 2, seed=8)
        self.assertEqual(3, len({empty, filled, vm.sum(2, 2)}))

    def test_files_of_an_instance(self) -> None:
        vm = guest.Guest(self, outside_disk=True, config_drive=True).define()
        self.assertEqual(
            {'disk', 'disk.config', 'disk.info'}, set(vm.files())
        )
        self.assertEqual((0o644, 1), vm.files()['disk'][::3])
        vm.start()
        self.assertIsNone(vm.seen('vdb').tick)
        self.assertEqual('vdb', vm.disks[1].target)

    def test_plain_domain(self) -> None:
        vm = guest.Guest(self, plain=True).define().start()
        vm.destroy()
        self.assertEqual(f'{vm.name}.qcow2', vm.disks[0].path.name)
        self.assertIsNotNone(vm.tick_on_disk())

    def test_worst_gap_sees_a_pause(self) -> None:
        vm = guest.Guest(self, tick_ms=20).define().start()
        vm.wait_more_ticks()
        start = time.monotonic()
        vm.dom.suspend()
        paused = time.monotonic()
        vm.dom.snapshotCreateXML(
            '<domainsnapshot><name>s</name></domainsnapshot>'
        )
        # What it had said before may come late.
        paused = max(paused, vm.ticks()[-1].time)
        resumed = time.monotonic()
        vm.dom.resume()
        self.assertGreaterEqual(
            vm.worst_gap(start, time.monotonic()), resumed - paused
        )

    def test_takes_a_new_qemu_for_a_new_one(self) -> None:
        vm = guest.Guest(self).define().start()
        vm.wait_more_ticks()
        first = vm.last_tick()
        vm.dom.snapshotCreateXML(
            '<domainsnapshot><name>s</name></domainsnapshot>'
        )
        last = vm.last_tick()  # it counts on before we hear that it was made
        vm.wait_tick(last + 10)
        before = vm.qemu
        vm.dom.revertToSnapshot(vm.dom.snapshotLookupByName('s'))
        self.assertNotEqual(before, vm.qemu)
        vm.wait_for('^T ')
        self.assertIn(vm.ticks()[0].number, range(first, last + 2))

    def test_a_killed_qemu_is_off(self) -> None:
        vm = guest.Guest(self).define().start()
        vm.kill_qemu()
        self.assertEqual(
            [libvirt.VIR_DOMAIN_SHUTOFF, libvirt.VIR_DOMAIN_SHUTOFF_CRASHED],
            vm.dom.state(),
        )


class AgentTest(base.FunctionalTest):
    def setUp(self) -> None:
        super().setUp()
        self.vm = guest.Guest(self, agent=True).define().start()
        self.vm.wait_agent()

    def test_freeze_stops_the_ticks(self) -> None:
        self.assertEqual(1, self.vm.dom.fsFreeze())
        self.assertTrue(self.vm.is_frozen())
        last = self.vm.last_tick()
        self.assertEqual(1, self.vm.dom.fsThaw())
        self.assertFalse(self.vm.is_frozen())
        self.vm.wait_tick(last + 2)

    def test_found_and_on_disk(self) -> None:
        self.vm.mark('kept')
        self.vm.wait_more_ticks()
        self.vm.destroy()
        on_disk = self.vm.on_disk()
        self.assertEqual('kept', on_disk.mark)
        self.assertIn(on_disk.tick, range(
            self.vm.last_tick(), self.vm.last_tick() + 2
        ))
        self.vm.start()
        self.assertEqual(on_disk, self.vm.found())

    def test_a_stopped_agent_does_not_answer(self) -> None:
        self.vm.stop_agent()
        self.assertRaises(
            libvirt.libvirtError, self._ask, 'guest-ping', timeout=1
        )
        self.vm.continue_agent()
        self.assertEqual({'return': {}}, self._ask('guest-ping'))

    def test_a_freeze_can_hang(self) -> None:
        self.vm.hang_freeze()
        self.assertRaises(
            libvirt.libvirtError,
            self._ask,
            'guest-fsfreeze-freeze',
            timeout=1,
        )
        self.assertFalse(self.vm.is_frozen())
        self.vm.wait_more_ticks()
        # It was late, not lost.
        self.vm.free_freeze()
        host.wait_until(self.vm.is_frozen, 'the late freeze')
        self.vm.dom.fsThaw()
        self.vm.wait_more_ticks()

    def _ask(self, command: str, timeout: int = 30) -> object:
        return json.loads(
            libvirt_qemu.qemuAgentCommand(
                self.vm.dom, json.dumps({'execute': command}), timeout, 0
            )
        )


class LibvirtdTest(base.FunctionalTest):
    exclusive = True

    def test_guests_outlive_libvirtd(self) -> None:
        vm = guest.Guest(self).define().start()
        qemu, daemon = vm.qemu, host.libvirtd_pid()
        host.restart_libvirtd()
        self.assertNotEqual(daemon, host.libvirtd_pid())
        self.assertEqual(qemu, vm.qemu)
        vm.wait_more_ticks()
        self.assertTrue(vm.dom.isActive())


class PrivilegesTest(base.FunctionalTest):
    def test_owner_becomes_root(self) -> None:
        self.assertEqual('0\n', host.as_root('id', '-u').stdout)
        self.assertEqual(
            f'{host.OWNER}\n', host.run('id', '-un').stdout
        )
