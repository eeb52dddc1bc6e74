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

"""kill -9 of our process while a real guest counts."""

import random
import time

from tests.functional import guest as guests
from tests.functional.faults import base
from tests.functional.faults import victim

_CREATE = ('planned', 'linked', 'overlaid', 'switched', 'frozen',
           'committed')


class TestRunningGuest(base.FaultTest):

    def test_create(self) -> None:
        guest = guests.Guest(self).define().start()
        qemu, told = guest.qemu, {}
        for index, phase in enumerate(_CREATE):
            guest.mark(phase)
            told[phase] = guest.last_tick()
            killed = self.run_victim('create', guest, phase, signal_at=index)
            self.assertEqual(f'create:{phase}', killed.phases[-1])
            guest.wait_more_ticks(2)
            self.manager.recover(guest.name)
            self.assert_recover_does_nothing(guest)
            self.assert_sound(guest)
            guest.wait_more_ticks(2)
        self.assertEqual(qemu, guest.qemu)
        self.assertEqual(list(_CREATE[3:]), self.names(guest))
        self.restart(guest)
        self.assertEqual(_CREATE[-1], guest.found().mark)
        for name in self.names(guest):
            self.manager.revert(guest.name, name, safety=False)
            self.assertEqual(name, guest.found().mark)
            self.assertGreaterEqual(guest.found().tick or 0, told[name])
        self.assert_sound(guest)

    def test_revert(self) -> None:
        guest = guests.Guest(self).define().start()
        guest.mark('old')
        self.manager.create(guest.name, 'old')
        for phase in ('overlaid', 'stopped', 'switched', 'frozen',
                      'committed', 'started'):
            guest.mark(phase)
            last = guest.wait_more_ticks(2)
            job = self.job('revert', guest, 'old', signal_at=_index(phase))
            self.assertEqual(f'revert:{phase}', victim.run(job).phases[-1])
            self.manager.recover(guest.name)
            self.assert_recover_does_nothing(guest)
            self.assert_sound(guest)
            guest.wait_more_ticks(2)
            found = guest.seen()
            if phase in ('committed', 'started'):
                self.assertEqual('old', found.mark)
                self.manager.revert(guest.name, self.safety(guest))
                found = guest.found()
            self.assertEqual(phase, found.mark)
            self.assertGreaterEqual(found.tick or 0, last)

    def test_client_dies_while_libvirt_works(self) -> None:
        """At any moment: libvirt goes on with what was asked of it."""
        seed = random.randrange(1 << 32)
        self.addDetail('seed', guests.content.text_content(str(seed)))
        moments = random.Random(seed)
        self.set(max_snapshots_per_instance=0)
        guest = guests.Guest(self).define().start()
        for number in range(10):
            killed = self.start(self.job('create', guest, f's{number}'))
            killed.wait_phase('create:overlaid')
            wait(moments.uniform(0, 0.04))
            killed.kill()
            killed.wait()
            self.manager.recover(guest.name)
            self.assert_recover_does_nothing(guest)
            self.assert_sound(guest)
            guest.wait_more_ticks(2)
        self.manager.create(guest.name, 'last')
        self.restart(guest)
        self.assert_sound(guest)

    def restart(self, guest: guests.Guest) -> None:
        """As a power cut; nothing that the guest told is lost."""
        guest.destroy()
        last = guest.last_tick()
        self.manager.settle(guest.name)
        guest.start()
        self.assertGreaterEqual(guest.found().tick or 0, last)

    def safety(self, guest: guests.Guest) -> str:
        return next(info.name for info in self.manager.list(guest.name)
                    if info.safety)


def wait(seconds: float) -> None:
    """Let time pass: the moment of a death is the input of a test."""
    time.sleep(seconds)


def _index(phase: str) -> int:
    """When a revert announces it, settle's three phases included."""
    return ('planned', 'overlaid', 'stopped', '', '', '', 'switched',
            'frozen', 'committed', 'unlinked', 'started').index(phase)
