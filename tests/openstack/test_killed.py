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

"""nova-compute is killed in the middle of a verb, and started again.

What Nova makes of it is in the docstrings; the local snapshots are sound and
can be reverted to in any case.
"""

from tests.openstack import host
from tests.openstack import matrix
from tests.openstack import reaping


class TestKilled(matrix.MatrixTest):
    """While Nova is at work."""

    def setUp(self) -> None:
        super().setUp()
        self.addCleanup(host.compute, 'start')
        self.server = self.prepare('both kinds')

    def _kill_when(self, what: str, *states: str) -> None:
        """As soon as the server is in one of these task states."""
        self.poll(lambda: self.admin.compute.get_server(
            self.server.id).task_state in states, what)
        host.compute('kill')
        host.compute('start')

    def test_create(self) -> None:
        """The image stays queued, as after any upload that was cut off.

        The local snapshot is there or not, and goes with the image.
        """
        image = self.server.snapshot('killed', kind='internal', wait=False)
        self._kill_when('the snapshot', 'image_snapshot',
                        'image_pending_upload', 'image_uploading')
        self._image_was_cut_off(image)

    def test_upload(self) -> None:
        """The same, with a local snapshot that is complete."""
        self.server.say('fill vda 64 128 1', 'FILLED 128')
        image = self.server.snapshot('killed', payload='disk', wait=False)
        self._kill_when('the upload', 'image_uploading')
        self._image_was_cut_off(image)

    def _image_was_cut_off(self, image: str) -> None:
        server = self.server
        server.wait('ACTIVE')
        self.assert_sound(server)
        known = {taken.handle for taken in self.taken}
        self.assertLessEqual(set(server.names()), known | {image})
        self.assertLessEqual(known, set(server.names()))
        server.go_on()
        self.revert_to_each(server)

    def test_revert(self) -> None:
        """ERROR, as after any rebuild that was cut off; a hard reboot helps.

        The guest has the data of before the revert, or of after it.
        """
        server, taken = self.server, self.taken[0]
        before = server.console()
        least = server.go_on()
        own = server.show().image.id
        server.rebuild(taken.handle, wait=False)
        self._kill_when('the revert', 'rebuilding',
                        'rebuild_block_device_mapping', 'rebuild_spawning')
        self.poll(lambda: server.show().task_state is None, 'Nova')
        self.assertEqual('ERROR', server.show().status)
        server.cloud.compute.reboot_server(server.id, 'HARD')
        self.poll(lambda: server.show().status == 'ACTIVE', 'a hard reboot')
        self.poll(lambda: 'FOUND' in server.since(before), 'a boot')
        self.assertTrue(server.found() in taken.numbers
                        or server.found() >= least, server.found())
        self.assertEqual(own, server.show().image.id)
        self.assert_sound(server)
        self.revert_to_each(server)

    def test_delete(self) -> None:
        """Nova goes on with it by itself."""
        self.server.cloud.compute.delete_server(self.server.id)
        self._kill_when('the delete', 'deleting')
        self.poll(lambda: self.is_gone(self.server), 'the server to go')
        self.assertEqual([], host.files(self.server.id))
        self.assertNotIn(self.server.id,
                         host.virsh('list', '--all', '--uuid'))

    def test_resize(self) -> None:
        """Nova takes it back: the disks of before, and nothing beside them.
        """
        server = self.server
        before = server.console()
        least = server.go_on()
        server.cloud.compute.resize_server(
            server.id, server.cloud.compute.find_flavor(self.bigger()).id)
        self._kill_when('the resize', 'resize_migrating')
        server.wait('ACTIVE')
        self.poll(lambda: 'FOUND' in server.since(before), 'a boot')
        self.assertGreaterEqual(server.found(), least)
        self.assertEqual([], host.files(f'{server.id}_resize'))
        server.go_on()
        self.assert_taken(server)
        self.revert_to_each(server)


class TestReaperKilled(matrix.MatrixTest, reaping.ReaperTest):
    """While layers of deleted snapshots are merged."""

    OPTIONS = (*reaping.ReaperTest.OPTIONS, 'snapdriver.merge_bandwidth=1')

    def test_image_delete(self) -> None:
        """Nothing is lost: the merge goes on, and so does the guest."""
        server = self.prepare('none')
        for _ in range(3):
            # Whichever way they are merged, there is much to do.
            server.say('fill vda 64 24 1', 'FILLED 24')
            self.take(server, 'external')
        gone = self.taken.pop(1)
        self.younger_image()
        self.demo.image.delete_image(gone.handle)
        self.poll(lambda: host.state(server.id).get('jobs'), 'the merge')
        host.compute('kill')
        least = server.go_on()
        self.assertIn('jobs', host.state(server.id))
        host.compute('start', *reaping.ReaperTest.OPTIONS)
        self.poll(lambda: host.disk_images(server.id) == 3, 'the merge to end')
        self.assert_taken(server)
        self.assertGreaterEqual(server.go_on(), least)
        self.revert_to_each(server)
