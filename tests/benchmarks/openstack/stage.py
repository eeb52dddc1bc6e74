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

"""The servers that are measured, and the driver that does it."""

from collections.abc import Callable
from collections.abc import Iterator
import contextlib
import os
import time
from typing import Any
import uuid

import openstack

from tests.openstack import host
from tests.openstack import server as servers

DRIVERS = {
    'stock': 'libvirt.LibvirtDriver',
    'ours': 'snapdriver.SnapshotLibvirtDriver',
}
_FLAVOR = 'tick4'
#: From there on, in MiB, its disk holds nothing that it boots from.
_FREE = 64
#: What the guest writes at once, in MiB: it has to answer in time.
_PIECE = 256
_LOOK = 0.02
#: A copy of two gigabytes, three times, on a machine that does other things.
_PATIENCE = 900.0


class Stage(contextlib.ExitStack):
    """A compute host that nobody else uses.

    Nova's own driver must never come to see a server with snapshots: there
    has to be none at the beginning, and each one is gone before nova-compute
    gets the other driver.
    """

    def __init__(self) -> None:
        super().__init__()
        self._admin = self._connect('admin')
        self._demo = self._connect('demo')
        others = [server.id for server
                  in self._admin.compute.servers(all_projects=True)]
        if others:
            raise SystemExit(
                f'There are servers on the compute host: {", ".join(others)}. '
                'Delete them first: Nova\'s own driver would harm those that '
                'have snapshots.')
        self.callback(self.use, 'ours')

    def _connect(self, cloud: str) -> Any:
        connection = openstack.connect(cloud=cloud, region_name='RegionOne')
        connection.compute.default_microversion = '2.96'
        self.callback(connection.close)
        return connection

    def use(self, driver: str) -> None:
        """Start nova-compute with that driver."""
        host.compute('restart', COMPUTE_DRIVER=DRIVERS[driver])

    @contextlib.contextmanager
    def server(self, written: int = 0) -> Iterator[servers.Server]:
        """One that counts, and is gone, with its images, at the end.

        :param written: how many MiB of its disk.
        """
        cloud = self._demo
        made = cloud.compute.create_server(
            name=f'benchmark-{uuid.uuid4().hex[:6]}',
            image_id=cloud.image.find_image(
                'ticker', ignore_missing=False).id,
            flavor_id=cloud.compute.find_flavor(
                _FLAVOR, ignore_missing=False).id, networks='none')
        server = servers.Server(cloud, made.id)
        try:
            server.wait('ACTIVE')
            server.wait_tick()
            for offset in range(0, written, _PIECE):
                count = min(_PIECE, written - offset)
                server.say(f'fill vda {_FREE + offset} {count} {offset + 1}',
                           f'FILLED {count}')
            yield server
        finally:
            self._delete(server)

    def _delete(self, server: servers.Server) -> None:
        self._demo.compute.delete_server(server.id)
        _until(lambda: self._demo.compute.find_server(server.id) is None,
               f'{server.id} to go')
        for image in list(self._admin.image.images(instance_uuid=server.id)):
            # 400: the reaper deletes it in the same moment.
            with contextlib.suppress(openstack.exceptions.BadRequestException):
                self._admin.image.delete_image(image.id, ignore_missing=True)


def begin() -> float:
    """The time, when what was done before no longer keeps the disk busy."""
    os.sync()
    return time.monotonic()


def reach(server: servers.Server, status: str) -> float:
    """When the server has reached that status, and nothing is done with it.

    :raises AssertionError: it went to ERROR instead.
    """
    def reached() -> bool:
        now = server.show()
        if now.task_state is None and now.status == 'ERROR':
            raise AssertionError(f'{server.id}: {server.last_event()}')
        return now.task_state is None and now.status == status

    return _until(reached, f'{server.id} to be {status}')


def active(server: servers.Server, image: str) -> float:
    """When the image is active.

    :raises openstack.exceptions.NotFoundException: it was given up.
    """
    return _until(
        lambda: server.cloud.image.get_image(image).status == 'active',
        f'image {image}')


def _until(condition: Callable[[], bool], what: str) -> float:
    end = time.monotonic() + _PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f'waited in vain for {what}')
        time.sleep(_LOOK)
    return time.monotonic()
