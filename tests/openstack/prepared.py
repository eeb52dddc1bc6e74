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

"""Servers with snapshots, and what operations on them need."""

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import contextlib
import dataclasses
from typing import Any
import uuid

from tests.openstack import base
from tests.openstack import host
from tests.openstack import server as servers

#: The kinds of snapshots that a server has, in the order of their creation.
COLUMNS: Mapping[str, Sequence[str]] = {
    'none': (),
    'one external': ('external',),
    'three external': ('external',) * 3,
    'one internal': ('internal',),
    'both kinds': ('external', 'internal', 'external'),
}
_STABLE = {'hw_rescue_device': 'disk', 'hw_rescue_bus': 'virtio'}
_IMAGES = {'ticker-other': {}, 'ticker-stable': _STABLE}
_BIGGER = {'tick1': {'disk': 2},
           'tick-eph': {'disk': 2, 'ephemeral': 2, 'swap': 64}}


@dataclasses.dataclass
class Taken:
    """A snapshot, and the numbers that its disk can hold.

    :ivar memory: the guest goes on from its memory, as long as it fits.
    """

    handle: str
    numbers: range
    memory: bool


class PreparedTest(base.OpenStackTest):
    """A server with snapshots, and what they hold."""

    def prepare(self, column: str, flavor: str = 'tick1',
                **wanted: Any) -> servers.Server:
        server = self.boot(flavor=flavor, **wanted)
        self.flavor = flavor
        self.taken: list[Taken] = []
        for kind in COLUMNS[column]:
            self.take(server, kind)
        return server

    def take(self, server: servers.Server, kind: str) -> Taken:
        """One snapshot more; the guest has counted on since."""
        least = server.go_on()
        handle = server.snapshot(f'{kind} {len(self.taken)}', kind=kind)
        taken = Taken(handle, range(least, server.tick() + 2),
                      kind == 'internal')
        self.taken.append(taken)
        server.wait_tick(taken.numbers.stop + 1)
        return taken

    # What operations need --------------------------------------------------

    def image(self, name: str) -> str:
        """An image with the guest that is made once, and stays."""
        if not list(self.admin.image.images(name=name)):
            self.upload(self.admin, name, visibility='public',
                        **_IMAGES[name])
        return name

    def upload(self, cloud: Any, name: str, **wanted: str) -> str:
        """A copy of the guest's image; returns its id."""
        return str(cloud.create_image(
            name, filename=str(host.IMAGE), disk_format='qcow2',
            container_format='bare', wait=True, **wanted).id)

    def private_image(self) -> str:
        """One that only this test's servers are made of."""
        image = self.upload(self.demo, f'ticker-{uuid.uuid4().hex[:8]}')
        self.addCleanup(self.admin.image.delete_image, image)
        return image

    def bigger(self) -> str:
        """A flavor with larger disks than the server's."""
        name = f'{self.flavor}-bigger'
        if self.admin.compute.find_flavor(name) is None:
            self.admin.compute.create_flavor(
                name=name, ram=256, vcpus=1, **_BIGGER[self.flavor])
        return name

    @contextlib.contextmanager
    def merging(self, server: servers.Server) -> Iterator[None]:
        """While two layers are made one, at 1 MiB a second."""
        for _ in range(2):
            # Whichever way they are merged, there is much to do.
            server.say('fill vda 64 24 1', 'FILLED 24')
            self.take(server, 'external')
        gone = self.taken.pop(-2)
        with host.started('snapdriver', 'snapshot', 'delete', server.id,
                          gone.handle, '--bandwidth', '1',
                          user='nova') as merge:
            self.poll(lambda: host.state(server.id).get('jobs')
                      or merge.poll() is not None, 'the merge to begin')
            self.assertIsNone(merge.poll())
            yield
        if host.files(server.id):
            left = host.snapdriver('domain', 'merge', server.id)['pending']
            self.assertEqual({}, left)
