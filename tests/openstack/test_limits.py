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

"""How many snapshots there may be, where, and what Placement is told."""

import stat
from typing import Any

from tests.openstack import base
from tests.openstack import host
from tests.openstack import images
from tests.openstack import server as servers

_GIB = 1 << 30


class TestLimits(base.OpenStackTest):

    def test_one_too_many(self) -> None:
        server = self.boot()
        most = 10
        made = [server.snapshot(f'number-{number}') for number in range(most)]
        self._is_refused(server, 'max_snapshots_per_instance')
        self.assert_sound(server, made)

        # What they hold is nobody else's any more.
        self.poll(lambda: 0 < self._reserved() == -(-self._held() // _GIB),
                  'Placement to know', 3 * host.PATIENCE)

    def _held(self) -> int:
        """Bytes of every layer that is frozen, of all instances."""
        layers = [path.stat() for path
                  in host.INSTANCES.glob('*/disk.layer-*')]
        return sum(layer.st_blocks * 512 for layer in layers
                   if stat.S_IMODE(layer.st_mode) == 0o440)

    def _reserved(self) -> int:
        provider = next(iter(self.admin.placement.resource_providers()))
        return int(self.admin.placement.get_resource_provider_inventory(
            'DISK_GB', provider.id).reserved)

    def test_turned_off_for_a_flavor(self) -> None:
        flavor = self.admin.compute.create_flavor(
            name='tick-stock', ram=256, vcpus=1, disk=1)
        self.addCleanup(self.admin.compute.delete_flavor, flavor.id)
        self.admin.compute.create_flavor_extra_specs(
            flavor, {'snapdriver:enabled': 'false'})
        server = self.boot(flavor='tick-stock')
        image = server.snapshot('stock', payload=None)
        self.assertEqual({}, {
            key: value for key, value in self.demo.image.get_image(
                image).properties.items() if key.startswith('snapdriver')})
        self._is_refused(server, 'turned off', kind='external')
        self.assertNotIn('snapdriver', host.files(server.id))

    def _is_refused(self, server: servers.Server, why: str,
                    **wanted: Any) -> None:
        image = server.snapshot('refused', wait=False, **wanted)
        self.poll(lambda: not images.exists(self.demo, image),
                  'the image to go')
        self.assertEqual('ACTIVE', server.wait().status)
        self.assertIn(why, self.reason(server))
