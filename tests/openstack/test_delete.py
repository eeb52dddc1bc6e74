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

"""``openstack image delete HANDLE``, and the end of a server."""

import contextlib

import openstack

from tests.openstack import host
from tests.openstack import images
from tests.openstack import reaping
from tests.openstack import server as servers


class TestDelete(reaping.ReaperTest):

    def test_a_deleted_handle_takes_its_snapshot_along(self) -> None:
        server = self.boot()
        first = images.take(server, 'first')
        server.go_on()
        second = images.take(server, 'second', kind='internal')
        server.go_on()
        third = images.take(server, 'third', payload='disk')
        self.younger_image()
        self.demo.image.delete_image(first.image)
        self.poll(lambda: first.image not in server.names(), 'its snapshot')
        self.assert_sound(server, [second.image, third.image])
        server.rebuild(third.image)
        self.assertIn(server.found(), third.ticks)
        self.demo.image.delete_image(second.image)
        self.poll(lambda: second.image not in server.names(), 'the second')
        self.assert_sound(server)
        server.rebuild(third.image)
        self.assertIn(server.found(), third.ticks)
        server.go_on()
        self.assert_sound(server)

    def test_one_deleted_right_after_it_was_made(self) -> None:
        """No image is younger than it, but for what the beacon holds."""
        server = self.boot()
        for kind in ('external', 'internal'):
            handle = server.snapshot(kind, kind=kind)
            self.assertIn(handle, server.names())
            self.demo.image.delete_image(handle)
            self.poll(lambda: not server.names(), 'its snapshot')
        self.assert_sound(server, [])

    def test_beacon_that_was_deleted(self) -> None:
        server = self.boot()
        handle = server.snapshot('handle')
        first = self._beacon()
        self.assertEqual(
            ('queued', True, 'private'),
            (first.status, first.is_hidden, first.visibility))
        self.assertFalse(images.exists(self.demo, first.id))
        self.admin.image.delete_image(first.id)
        self.pass_by()
        self.assertNotEqual(first.id, self._beacon().id)
        # That one is about the same handle now.
        self.demo.image.delete_image(handle)
        self.poll(lambda: not server.names(), 'its snapshot')
        self.admin.image.get_image(self._beacon().id)

    def _beacon(self) -> openstack.resource.Body:
        return self.admin.image.get_image(self.status()['beacon']['image'])

    def test_layers_of_deleted_ones_are_merged(self) -> None:
        server = self.boot()
        handles = [server.snapshot(name) for name in ('one', 'two')]
        self.younger_image()
        tick = server.go_on()
        for handle in handles:
            self.demo.image.delete_image(handle)
        self.poll(lambda: not server.names(), 'the snapshots to go')
        # A guest that runs may keep what AppArmor would not let it merge.
        self.demo.compute.stop_server(server.id)
        server.wait('SHUTOFF')
        self.poll(lambda: host.disk_images(server.id) == 1, 'the merge')
        self.assert_sound(server, [])
        self.demo.compute.start_server(server.id)
        server.wait('ACTIVE')
        self.assertGreaterEqual(server.found(), tick)
        # Nova does so, and one disk that it cannot read stops its resource
        # update.
        host.run('test', '-r', str(host.INSTANCES / server.id / 'disk'),
                 user='nova')

    def test_rotation(self) -> None:
        server = self.boot()
        moments = []
        for _ in range(4):
            first = server.go_on()
            with contextlib.suppress(openstack.exceptions.NotFoundException):
                self.demo.compute.backup_server(
                    server.id, name='nightly', backup_type='daily',
                    rotation=2)
            self.poll(lambda: server.show().task_state is None, 'the backup')
            moments.append(images.Moment(
                self._newest(server), range(first, server.tick() + 2)))
            self.pass_by()
        kept = [moment.image for moment in moments[2:]]
        self.assertEqual(set(kept), {image.id for image in self._all(server)})
        self.poll(lambda: set(server.names()) == set(kept),
                  'the snapshots that were rotated out')
        self.assert_sound(server, kept)
        server.rebuild(kept[0])
        self.assertIn(server.found(), moments[2].ticks)

    def _all(self, server: servers.Server) -> list[openstack.resource.Body]:
        return [image for image in self.demo.image.images(
            instance_uuid=server.id, sort='created_at:desc')
            if image.properties.get('image_type') == 'backup']

    def _newest(self, server: servers.Server) -> str:
        return str(self._all(server)[0].id)

    def test_the_end_of_a_server(self) -> None:
        server = self.boot()
        disk = images.take(server, 'disk', payload='disk')
        manifests = [server.snapshot(name, kind=kind) for name, kind in (
            ('external', 'external'), ('internal', 'internal'))]
        # It makes a safety handle, too.
        server.rebuild(manifests[0])
        manifests += [image.id for image in self.demo.image.images(
            instance_uuid=server.id)
            if image.properties.get('snapdriver_safety') == 'yes']
        self.assertEqual(3, len(manifests))
        self.addCleanup(host.service, 'start', 'glance')
        host.service('kill', 'glance')
        self.demo.compute.delete_server(server.id)
        self.poll(lambda: self.is_gone(server), 'the server to go')
        self.assertEqual([], host.files(server.id))
        self.assertNotIn(server.id, host.virsh('list', '--all', '--uuid'))
        self.assertEqual({}, self.admin.placement.get(
            f'/allocations/{server.id}').json()['allocations'])
        host.service('start', 'glance')
        self.poll(lambda: not any(
            images.exists(self.demo, image) for image in manifests),
            'its manifests to go')
        # That one is an image as any other.
        self.assertTrue(images.exists(self.demo, disk.image))
        other = self.boot(image=disk.image)
        self.assertIn(other.found(), disk.ticks)
