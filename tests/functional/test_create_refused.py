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

"""What makes a create of a running domain impossible, and who finds it.

A block job libvirt finds, when we try; checkpoints it does not mind.
"""

import contextlib
import os

import libvirt

from snapdriver import exception
from tests.functional import engine
from tests.functional import guest as guests
from tests.functional import host


class TestRefused(engine.EngineTest):

    def refused(self, guest: guests.Guest, reason: str) -> None:
        """Nothing has changed, and a plan says the same."""
        files, names = self.files(guest), self.names(guest)
        sources = engine.virsh('domblklist', guest.name)
        error = self.assertRaises(
            exception.Refused, self.manager.create, guest.name, 'refused')
        self.assertIn(reason, str(error))
        self.assertIn('virsh', str(error))  # the way out
        self.assertEqual(list(error.reasons), list(
            self.manager.plan_create(guest.name, 'refused').refusals))
        self.assertEqual(files, self.files(guest))
        self.assertEqual(names, self.names(guest))
        self.assertEqual(sources, engine.virsh('domblklist', guest.name))
        self.assertEqual([], list(self.manager.recover(guest.name)))

    def files(self, guest: guests.Guest) -> set[str]:
        folder = guest.directory / 'snapdriver'
        return set(guest.files()) | set(os.listdir(folder))

    def test_a_block_job(self) -> None:
        guest = guests.Guest(self).define().start()
        self.manager.create(guest.name, 's1')
        guest.fill(4, 16)
        self.manager.create(guest.name, 's2')
        guest.dom.blockRebase('vda', str(guest.disks[0].base), 1)
        self.refused(guest, 'block job runs on disk vda')
        guest.dom.blockJobAbort('vda')
        host.wait_until(lambda: not guest.dom.blockJobInfo('vda'), 'its end')
        self.manager.create(guest.name, 's3')
        self.assert_clean(guest)

    def test_a_checkpoint(self) -> None:
        guest = guests.Guest(self).define().start()
        self.manager.create(guest.name, 's1')
        # libvirt allows either only where there is none of the other.
        self.manager.drop_view(guest.name)
        guest.dom.checkpointCreateXML(
            '<domaincheckpoint><name>c1</name></domaincheckpoint>')
        self.addCleanup(self.forget, guest)
        self.refused(guest, 'has libvirt checkpoints')
        self.forget(guest)
        self.manager.create(guest.name, 's2')
        self.assert_clean(guest)

    def forget(self, guest: guests.Guest) -> None:
        with contextlib.suppress(libvirt.libvirtError):
            guest.dom.checkpointLookupByName('c1').delete()
