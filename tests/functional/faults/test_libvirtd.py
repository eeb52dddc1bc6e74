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

"""libvirtd killed, and QEMU on an overlay that libvirt does not know."""

import collections
import random
import signal
import subprocess

from snapdriver import exception
from tests.functional import guest as guests
from tests.functional import host
from tests.functional.faults import base
from tests.functional.faults import test_running


class TestLibvirtdKilled(base.FaultTest):

    exclusive = True
    timeout = 300

    def test_during_a_create(self) -> None:
        seed = random.randrange(1 << 32)
        moments = random.Random(seed)
        outcomes: dict[str, int] = collections.Counter()
        self.set(max_snapshots_per_instance=0, max_chain_depth=24)
        guest = guests.Guest(self, ('disk', 'disk.eph0')).define().start()
        for number in range(12):
            name = f's{number}'
            guest.mark(name)
            create = self.start(self.job('create', guest, name))
            with Trigger(host.libvirtd_pid()) as trigger:
                create.wait_phase('create:overlaid')
                test_running.wait(moments.uniform(0, 0.04))
                trigger.pull()
            create.wait()
            host.wait_until(lambda: host.libvirtd_pid() is None, 'its end')
            host.start_libvirtd()
            last = guest.last_tick()
            codes = {f.code for f in self.manager.check(guest.name)}
            self.manager.recover(guest.name)
            self.assert_recover_does_nothing(guest)
            self.assert_sound(guest)
            guest.wait_more_ticks(2)
            self.assertEqual(name, guest.seen().mark)
            self.assertGreaterEqual(guest.seen().tick or 0, last)
            done = 'made' if name in self.names(guest) else 'undone'
            outcomes['torn' if 'qemu-differs' in codes else done] += 1
            if done == 'undone':
                # What is left in QEMU must not stand in the way.
                self.manager.create(guest.name, name)
        self.addDetail('outcomes', guests.content.text_content(
            f'seed {seed}: {dict(outcomes)}'))
        guest.destroy()
        last = guest.last_tick()
        self.manager.settle(guest.name)
        guest.start()
        self.assertGreaterEqual(guest.found().tick or 0, last)
        self.assert_sound(guest)

    def test_during_a_revert(self) -> None:
        """Before and after the stop, and while the domain starts."""
        guest = guests.Guest(self).define().start()
        guest.mark('old')
        self.manager.create(guest.name, 'old')
        for index in (1, 2, 6, 8, 9):
            guest.mark('new')
            job = self.job('revert', guest, 'old', signal_at=index,
                           signal=signal.SIGSTOP)
            revert = self.start(job)
            revert.wait_stopped()
            host.stop_libvirtd()
            revert.go_on()
            revert.wait()
            self.assertIsInstance(revert.answer, exception.SnapdriverError)
            self.assertNotIn('\n', str(revert.answer))
            host.start_libvirtd()
            self.manager.recover(guest.name)
            self.assert_recover_does_nothing(guest)
            self.assert_sound(guest)
            guest.wait_more_ticks(2)
            if guest.seen().mark == 'old':
                safety = [info.name for info in self.manager.list(guest.name)
                          if info.safety]
                self.manager.revert(guest.name, safety[0])
                self.assertEqual('new', guest.found().mark)
            self.assertEqual('new', guest.seen().mark)


class TestTorn(base.FaultTest):
    """QEMU on the new overlay, libvirt on the old one."""

    def test_by_an_interrupted_create(self) -> None:
        guest = guests.Guest(self).define().start()
        guest.mark('one')
        self.run_victim('create', guest, 's1', signal_at=2)
        overlay = self.overlay(guest)
        base.switch_behind_its_back(guest, overlay)
        guest.mark('two')
        self.assertEqual(['operation-unfinished'], self.codes(guest))
        # The create is finished on the way; the next verb is refused.
        error = self.assertRaises(
            exception.Refused, self.manager.create, guest.name, 's2')
        self.assertIn('recover', str(error))
        self.assertEqual(['s1'], self.names(guest))
        self.assertRaises(
            exception.Refused, self.manager.revert, guest.name, 's1')
        self.assertIn('qemu-differs', self.codes(guest))
        guest.wait_more_ticks(2)
        last = guest.last_tick()
        done = self.manager.recover(guest.name)
        self.assertIn(overlay, ' '.join(done))
        self.assert_recover_does_nothing(guest)
        self.assert_sound(guest)
        guest.wait_more_ticks(2)
        self.assertEqual('two', guest.seen().mark)
        self.assertGreaterEqual(guest.seen().tick or 0, last)
        self.manager.revert(guest.name, 's1')
        self.assertEqual('one', guest.found().mark)
        self.assert_sound(guest)

    def test_on_a_file_that_is_not_ours(self) -> None:
        """To restart it would take what it wrote from sight: refused."""
        guest = guests.Guest(self).define().start()
        guest.mark('one')
        self.manager.create(guest.name, 's1')
        before = guest.files()
        base_file = next(name for name in before if name in [
            layer.file for layer in self.state(guest).layers.values()
            if layer.parent is not None])
        host.run('qemu-img', 'create', '-q', '-u', '-f', 'qcow2', '-F',
                 'qcow2', '-b', base_file, guest.directory / 'disk.foreign',
                 '1G')
        base.switch_behind_its_back(guest, 'disk.foreign')
        guest.mark('two')
        self.assertIn('qemu-differs', self.codes(guest))
        for verb in (self.manager.recover, self.manager.create):
            error = self.assertRaises(exception.Refused, verb, guest.name)
            self.assertIn('disk.foreign', str(error))
        self.assertEqual('two', guest.seen().mark)
        guest.wait_more_ticks(2)

    def codes(self, guest: guests.Guest) -> list[str]:
        return [f.code for f in self.manager.check(guest.name)]

    def overlay(self, guest: guests.Guest) -> str:
        operation = self.state(guest).operation
        assert operation is not None
        return str(operation.data['new']['disk']['file'])


class Trigger:
    """A root shell that kills a process at once when told to.

    To start sudo first would take longer than what is to be hit.
    """

    def __init__(self, pid: int | None) -> None:
        self._shell = subprocess.Popen(
            ['sudo', '-n', 'sh', '-c',
             f'echo; read -r _ && kill -KILL {pid}'],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __enter__(self) -> 'Trigger':
        assert self._shell.stdout is not None
        self._shell.stdout.readline()
        return self

    def pull(self) -> None:
        self._shell.communicate(b'\n')

    def __exit__(self, *_: object) -> None:
        self._shell.communicate()
