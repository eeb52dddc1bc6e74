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

"""What every test on a real OpenStack starts from."""

from collections.abc import Callable
import contextlib
import time
from typing import Any
import uuid

import openstack
import testtools

from tests.openstack import host
from tests.openstack import server as servers


class OpenStackTest(testtools.TestCase):
    """Works as tenant ``demo``; servers and images go at its end."""

    def setUp(self) -> None:
        super().setUp()
        self.admin = self.connect('admin')
        self.demo = self.connect('demo')
        self.addOnException(self._tell)
        self._servers: list[servers.Server] = []

    def connect(self, cloud: str) -> Any:
        """A connection as ``admin``, ``demo`` or ``other``."""
        connection = openstack.connect(cloud=cloud, region_name='RegionOne')
        connection.compute.default_microversion = '2.96'
        self.addCleanup(connection.close)
        return connection

    def _tell(self, _: Any) -> None:
        """What the log says of the servers, when a test fails."""
        for server in self._servers:
            lines = [line for line in host.LOG.read_text(
                errors='replace').splitlines() if server.id in line
                and (' ERROR ' in line or ' WARNING ' in line)]
            text = '\n'.join(lines[-40:])
            self.addDetail(f'log-{server.id}', testtools.content.text_content(
                text))

    # Servers ---------------------------------------------------------------

    def boot(self, cloud: Any = None, *, image: str = 'ticker',
             flavor: str = 'tick1', **wanted: Any) -> servers.Server:
        """A server that has begun to count."""
        cloud = cloud or self.demo
        made = cloud.compute.create_server(
            name=f'{self.id().rpartition(".")[2]}-{uuid.uuid4().hex[:6]}',
            image_id=cloud.image.find_image(image, ignore_missing=False).id,
            flavor_id=cloud.compute.find_flavor(flavor).id,
            networks='none', **wanted)
        server = servers.Server(cloud, made.id)
        self._servers.append(server)
        self.addCleanup(self._delete, server)
        server.wait('ACTIVE')
        server.wait_tick()
        return server

    def _delete(self, server: servers.Server) -> None:
        with contextlib.suppress(openstack.exceptions.NotFoundException):
            server.cloud.compute.delete_server(server.id, force=False)
        self.poll(lambda: self.is_gone(server), f'{server.id} to go')
        for image in list(self.admin.image.images(
                instance_uuid=server.id)):
            # 400: the reaper deletes it in the same moment.
            with contextlib.suppress(openstack.exceptions.BadRequestException):
                self.admin.image.delete_image(image.id, ignore_missing=True)

    def is_gone(self, server: servers.Server) -> bool:
        try:
            found = self.admin.compute.get_server(server.id)
        except openstack.exceptions.NotFoundException:
            return True
        if found.status == 'ERROR' and found.task_state is None:
            self.admin.compute.delete_server(server.id, force=False)
        return False

    def poll(self, condition: Callable[[], Any], what: str,
             timeout: float = host.PATIENCE) -> Any:
        """Until the condition is true; returns what it then is."""
        end = time.monotonic() + timeout
        while not (result := condition()):
            if time.monotonic() > end:
                raise AssertionError(f'waited in vain for {what}')
            time.sleep(0.2)
        return result

    def reason(self, server: servers.Server) -> str:
        """How the last action on it ended; details are for administrators.

        That is Nova's default, "os-instance-actions:events:details".
        """
        return servers.Server(self.admin, server.id).last_event()

    # What must be true -----------------------------------------------------

    def assert_sound(self, server: servers.Server,
                     names: list[str] | None = None) -> None:
        """``check`` finds nothing, and virsh shows the same snapshots.

        :param names: which ones, in any order; whatever there is by default.
        """
        self.assertEqual([], server.findings())
        ours = sorted(server.names())
        if names is not None:
            self.assertEqual(sorted(names), ours)
        # Not while the reaper merges: libvirt's list is made anew then.
        self.poll(lambda: ours == sorted(server.virsh_names()),
                  f'virsh to show {ours}')
