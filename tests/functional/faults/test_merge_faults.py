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

"""Merges while libvirtd dies, QEMU dies, or the disk is full."""

import random
import signal

from testtools import content

from tests.functional import guest as guests
from tests.functional import host
from tests.functional.faults import base
from tests.functional.faults import small_disk
from tests.functional.faults import test_libvirtd
from tests.functional.faults import test_running
from tests.functional.faults import victim

_SLOW = 16  # MiB per second


class MergeFaultTest(base.FaultTest):

    def chain(self, guest: guests.Guest, lower: int, upper: int,
              above: bool) -> None:
        """``s1`` loses its name, between two amounts of data in MiB.

        :param above: whether the upper layer is in the middle, too.
        """
        guest.start()
        self.manager.create(guest.name, 's0')
        guest.fill(4, lower)
        self.manager.create(guest.name, 's1')
        guest.fill(20, upper, seed=2)
        guest.mark('two')
        self.names_left = ['s0']
        if above:
            self.manager.create(guest.name, 's2')
            self.names_left.append('s2')
        self.data = guest.sum(2, self.last)
        self.manager.delete(guest.name, ['s1'])

    #: MiB of the disk that are compared.
    last = 36

    def finish(self, guest: guests.Guest) -> None:
        """The guest has its data, and the merge is done in the end."""
        self.manager.recover(guest.name)
        self.assert_recover_does_nothing(guest)
        self.assert_sound(guest)
        merged = self.manager.merge(guest.name)
        self.assertEqual({}, dict(merged.pending))
        self.assert_sound(guest)
        self.assertEqual(self.names_left, self.names(guest))
        self.assertEqual(len(self.names_left) + 1,
                         len(self.state(guest).layers))
        if not guest.dom.isActive():
            guest.dom.create()
        guest.wait_for('^T ')
        self.assertEqual(self.data, guest.sum(2, self.last))
        self.assertEqual('two', guest.seen().mark)
        guest.destroy()
        self.manager.settle(guest.name)
        self.assert_sound(guest, deep=True)


class TestKilled(MergeFaultTest):

    exclusive = True
    timeout = 400

    def kill_at_random(self, guest: guests.Guest, pid: int | None
                       ) -> victim.Victim:
        wait = random.uniform(0, 0.8)
        self.addDetail('moment', content.text_content(f'{wait:.3f}'))
        merge = self.start(self.job('merge', guest, bandwidth=_SLOW))
        with test_libvirtd.Trigger(pid) as trigger:
            merge.wait_phase('merge:started')
            test_running.wait(wait)
            trigger.pull()
        return merge

    def libvirtd(self, lower: int, upper: int, above: bool) -> None:
        guest = guests.Guest(self).define()
        self.chain(guest, lower, upper, above)
        qemu = guest.qemu
        merge = self.kill_at_random(guest, host.libvirtd_pid())
        merge.wait()
        host.wait_until(lambda: host.libvirtd_pid() is None, 'its end')
        host.start_libvirtd()
        self.assertEqual(qemu, guest.qemu)
        guest.wait_more_ticks(2)
        self.finish(guest)

    def qemu(self, lower: int, upper: int, above: bool) -> None:
        """What QEMU has begun, qemu-img goes on with."""
        guest = guests.Guest(self).define()
        self.chain(guest, lower, upper, above)
        merge = self.kill_at_random(guest, guest.qemu)
        self.assertEqual(0, merge.wait())
        self.assertIsInstance(merge.answer, str)
        self.finish(guest)

    def test_libvirtd_middle(self) -> None:
        self.libvirtd(12, 12, above=True)

    def test_libvirtd_down(self) -> None:
        self.libvirtd(14, 10, above=False)

    def test_libvirtd_up(self) -> None:
        self.libvirtd(10, 16, above=False)

    def test_qemu_middle(self) -> None:
        self.qemu(12, 12, above=True)

    def test_qemu_down(self) -> None:
        self.qemu(14, 10, above=False)

    def test_qemu_up(self) -> None:
        self.qemu(10, 16, above=False)


class TestNoSpace(small_disk.SmallDiskTest, MergeFaultTest):
    """The disk fills up while bytes are copied; nothing is lost."""

    last = 13

    def chain(self, guest: guests.Guest, lower: int, upper: int,
              above: bool) -> None:
        guest.start()
        self.set(max_snapshot_bytes_per_instance=0.0)
        self.manager.create(guest.name, 's0')
        guest.fill(4, lower)
        self.manager.create(guest.name, 's1')
        guest.fill(9, upper, seed=2)
        guest.mark('two')
        self.names_left = ['s0']
        if above:
            self.manager.create(guest.name, 's2')
            self.names_left.append('s2')
        self.data = guest.sum(2, self.last)
        self.manager.delete(guest.name, ['s1'])

    def fill_up(self, running: bool, up: bool = False) -> None:
        guest = self.guest_on_small_disk()
        if up:
            self.chain(guest, 2, 5, above=False)
        else:
            self.chain(guest, 4, 4, above=True)
        if not running:
            guest.destroy()
            self.manager.settle(guest.name)
        merge = self.start(self.job('merge', guest, signal_at=0,
                                    signal=signal.SIGSTOP))
        merge.wait_phase('merge:recorded')
        merge.wait_stopped()
        self.fill(guest, 0)
        merge.go_on()
        self.assertEqual(0, merge.wait())
        # There was room left to take its own record back.
        self.assertIn('done=()', str(merge.answer))
        self.assertRegex(str(merge.answer), 'No space left|bytes are free')
        self.assertEqual(({}, None), (
            dict(self.state(guest).jobs), self.state(guest).operation))
        self.fill(guest, 1 << 20)
        merged = self.manager.merge(guest.name)  # it does not even begin
        self.assertIn('are free', str(dict(merged.pending)))
        self.empty(guest)
        self.finish(guest)

    def test_running(self) -> None:
        self.fill_up(running=True)

    def test_off(self) -> None:
        self.fill_up(running=False)

    def test_running_up(self) -> None:
        self.fill_up(running=True, up=True)

    def test_off_up(self) -> None:
        self.fill_up(running=False, up=True)
