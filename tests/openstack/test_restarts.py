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

"""nova-compute, and the host, go and come back; alone on the stack."""

import functools

from tests.openstack import host
from tests.openstack import matrix
from tests.openstack import restarts


class TestRow(matrix.MatrixTest):
    """One server lives through all of it."""

    def test_both_kinds(self) -> None:
        self.live('both kinds', restarts.OPERATIONS)


class TestCells(matrix.MatrixTest):
    """One server for one operation."""


matrix.cells(TestCells, restarts.OPERATIONS)


class TestKilled(matrix.MatrixTest):
    """nova-compute is killed in the middle of a verb, and started again.

    What Nova makes of it is in the docstrings; the local snapshots are sound
    and can be reverted to in any case.
    """

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


class TestPeriodic(matrix.MatrixTest):
    """What Nova does by itself, every few seconds."""

    def setUp(self) -> None:
        super().setUp()
        self.addCleanup(host.compute, 'restart')

    def _restart(self, *options: str) -> int:
        host.compute('restart', *options)
        return host.LOG.stat().st_size

    def test_image_cache(self) -> None:
        """The base of a chain stays; one that nobody stands on goes."""
        chain = self.prepare('three external', image=self.private_image())
        chain.stop()
        running = self.prepare('both kinds', image=self.private_image())
        bases = set(host.bases())
        gone = self.boot(image=self.private_image())
        unused = set(host.bases()) - bases
        self.assertEqual(1, len(unused))
        gone.cloud.compute.delete_server(gone.id)
        self.poll(lambda: self.is_gone(gone), 'the server to go')
        begin = self._restart(
            'image_cache.manager_interval=5',
            'image_cache.remove_unused_original_minimum_age_seconds=1')
        self.poll(lambda: not unused & set(host.bases()), 'the unused base')
        self.assertEqual([], host.errors(begin))
        chain.start()
        running.cloud.compute.reboot_server(running.id, 'HARD')
        running.wait('ACTIVE')
        for server in chain, running:
            server.go_on()
            self.assert_sound(server)

    def test_resources_and_power(self) -> None:
        """Of chains that run, are off, and went off by themselves."""
        running = self.prepare('both kinds')
        stopped = self.prepare('three external')
        stopped.stop()
        off = self.prepare('three external')
        # Not before: each new server makes Placement refuse an update.
        begin = self._restart('DEFAULT.update_resources_interval=5',
                              'DEFAULT.sync_power_state_interval=5')
        off.say('off', 'POWER-OFF')
        off.wait('SHUTOFF')
        passes = functools.partial(self._passes, begin)
        enough = passes() + 3
        self.poll(lambda: passes() >= enough, 'three passes')
        self.assertEqual([], host.errors(begin))
        for server, status in ((running, 'ACTIVE'), (stopped, 'SHUTOFF'),
                               (off, 'SHUTOFF')):
            self.assertEqual(status, server.show().status)
            self.assert_sound(server)
        found = list(self.admin.compute.hypervisors(details=True))
        self.assertEqual(['up'], [one.state for one in found])

    def _passes(self, begin: int) -> int:
        return host.log(begin).count('Final resource view: ')
