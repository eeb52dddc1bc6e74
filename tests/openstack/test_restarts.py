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


class TestCells(matrix.MatrixTest):
    """One server for one operation."""


matrix.rows(TestRow, restarts.OPERATIONS)
matrix.cells(TestCells, restarts.OPERATIONS, alone=True)


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
