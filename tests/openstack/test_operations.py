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

"""Every operation of one host, on servers with and without snapshots.

By default one server lives through all operations in a row, and is put back to
each of its snapshots at the end. With ``SNAPDRIVER_MATRIX=full`` there is a
server for each cell of the table. What comes of it is kept for
``tools/operations_table.py``.
"""

from tests.openstack import disks
from tests.openstack import host
from tests.openstack import matrix
from tests.openstack import power

_OPERATIONS = power.OPERATIONS | disks.OPERATIONS


class TestRow(matrix.MatrixTest):
    """One server, one operation after the other."""


class TestCells(matrix.MatrixTest):
    """One server for one operation."""


matrix.rows(TestRow, _OPERATIONS)
matrix.cells(TestCells, _OPERATIONS)


class TestResize(matrix.MatrixTest):
    """A resize on this host copies what Nova does not know of."""

    def test_copy_fails(self) -> None:
        """The server is in ERROR on the disks of before, all of them."""
        server = self.prepare('both kinds')
        # nova-compute may not read it, as root's umask has made it.
        host.run('install', '-m', '600', '/dev/null',
                 str(host.INSTANCES / server.id / 'snapdriver' / 'secret'))
        least = server.tick()
        self.assertRaises(AssertionError, server.resize, self.bigger())
        self.assertEqual('ERROR', server.show().status)
        host.run('rm', str(host.INSTANCES / server.id / 'snapdriver'
                           / 'secret'))
        before = server.console()
        server.cloud.compute.reboot_server(server.id, 'HARD')
        self.poll(lambda: server.show().status == 'ACTIVE', 'a hard reboot')
        self.poll(lambda: 'FOUND' in server.since(before), 'a boot')
        self.assertGreaterEqual(server.found(), least)
        self.assertEqual([], host.files(f'{server.id}_resize'))
        self.assert_taken(server)
        self.revert_to_each(server)
