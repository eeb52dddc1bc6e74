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

"""Volumes are in no snapshot, and are after a revert as they were before it.

Attached and detached is what Nova says now, whatever it was at the snapshot.
"""

from tests.openstack import base
from tests.openstack import host
from tests.openstack import images
from tests.openstack import server as servers
from tests.openstack import volumes


class TestVolumes(base.OpenStackTest):

    def test_it_is_left_out_or_forbids_the_snapshot(self) -> None:
        server, volume = self.boot(), volumes.Volume(self)
        self.assertEqual('vdb', volume.attach(server))
        handle = server.snapshot('external')
        self.assertEqual(
            'vdb (its source is of type block)', images.properties(
                self.demo, handle)['snapdriver_left_out'])
        image = server.snapshot('internal', kind='internal', wait=False)
        self.poll(lambda: not images.exists(self.demo, image),
                  'the image to go')
        server.wait('ACTIVE')
        why = 'disk vdb can be written and its source is of type block'
        self.poll(lambda: why in self.reason(server), why)
        self.assertIn('detach it', self.reason(server))
        self.assert_sound(server, [handle])
        # It has no layers: QEMU writes the device itself.
        self.assertRegex(self._disks(server), r'vdb\s+/dev/loop\d+\n')
        self._mark(server, 'marked')
        volume.detach(server)
        volume.attach(server)
        self._has(server, 'marked')

    def test_detached_since_and_attached_elsewhere(self) -> None:
        """It does not come back, and stays with whom it is now."""
        server, volume = self.boot(), volumes.Volume(self)
        volume.attach(server)
        moment = images.take(server, 'attached')
        volume.detach(server)
        self._revert(server, moment)
        self.assertNotIn('vdb', self._disks(server))
        server.say('seen vdb', 'FAILED')
        self.assertEqual([], volume.attached_to())

        other = self.boot()
        volume.attach(other)
        self._mark(other, 'theirs')
        self._revert(server, moment)
        self.assertNotIn('vdb', self._disks(server))
        self.assertEqual([other.id], volume.attached_to())
        self._has(other, 'theirs')
        # Nor with what makes its definition anew.
        server.stop()
        server.start()
        server.wait_tick()
        self.assertNotIn('vdb', self._disks(server))
        self.assert_sound(server)

    def test_attached_since(self) -> None:
        """It stays, with all that was written to it since."""
        server, volume = self.boot(), volumes.Volume(self)
        moment = images.take(server, 'without')
        volume.attach(server)
        later = images.take(server, 'with')
        self._mark(server, 'first')
        server.say('fill vdb 2 4 7', 'FILLED 4')
        whole = server.say('sum vdb 2 4', r'SUM (\S+)')[1]
        for target in (moment, later):
            self._revert(server, target)
            self.assertEqual([server.id], volume.attached_to())
            self._has(server, 'first')
            self.assertEqual(whole, server.say('sum vdb 2 4', r'SUM (\S+)')[1])
        self._mark(server, 'second')
        server.stop()
        server.rebuild(moment.image)
        self.assertEqual([server.id], volume.attached_to())
        server.start()
        self.assertIn(server.found(), moment.ticks)
        self._has(server, 'second')
        self.assert_sound(server)

    def test_memory_of_before_it_was_attached(self) -> None:
        """It fits once the volume is detached, and is refused until then."""
        server, volume = self.boot(), volumes.Volume(self)
        moment = images.take(server, 'memory', kind='internal')
        volume.attach(server)
        self._mark(server, 'kept')
        self._is_refused(server, moment.image, 'snapdriver_request_memory=no')
        # Without the memory there would be no way back from it.
        self.demo.image.update_image(
            moment.image, snapdriver_request_memory='no')
        self._is_refused(server, moment.image, 'no safety snapshot can be '
                         'made of what is active: disk vdb')
        self.assertEqual([server.id], volume.attached_to())
        self._has(server, 'kept')
        self.assert_sound(server, [moment.image])

        self.demo.image.update_image(
            moment.image, snapdriver_request_memory='yes')
        volume.detach(server)
        before = server.console()
        server.wait_tick(moment.ticks.stop + 1)
        server.rebuild(moment.image)
        self.assertIn(server.went_on_from(before), moment.ticks)
        self.assertNotIn('FOUND', server.since(before))
        self.assertEqual([], volume.attached_to())
        # It can be attached to a guest that has gone back.
        volume.attach(server)
        self._has(server, 'kept')
        self.assert_sound(server)

    def _disks(self, server: servers.Server) -> str:
        return host.virsh('domblklist', server.id)

    def _mark(self, server: servers.Server, text: str) -> None:
        server.say(f'mark vdb {text}', f'MARKED vdb {text}')

    def _has(self, server: servers.Server, text: str) -> None:
        server.say('seen vdb', f'SEEN vdb tick none mark {text}')

    def _revert(self, server: servers.Server, moment: images.Moment) -> None:
        server.wait_tick(moment.ticks.stop + 1)
        before = server.console()
        server.rebuild(moment.image)
        self.assertIn(server.went_on_from(before), moment.ticks)
        server.wait_tick()
        self.assert_sound(server)

    def _is_refused(self, server: servers.Server, handle: str, why: str
                    ) -> None:
        before = server.console()
        self.demo.compute.rebuild_server(server.id, image=handle)
        self.assertEqual('ACTIVE', server.wait().status)
        # Nova writes it down after the server's state.
        self.poll(lambda: why in self.reason(server), why)
        server.go_on()
        self.assertNotIn('FOUND', server.since(before))
