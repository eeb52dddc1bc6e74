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

"""What ends local snapshots by rights: another image, and a shelf."""

from tests.openstack import base
from tests.openstack import host
from tests.openstack import images
from tests.openstack import server as servers


class TestOtherEnds(base.OpenStackTest):

    def test_rebuild_to_another_image(self) -> None:
        server = self.boot()
        disk = server.snapshot('disk', payload='disk')
        manifests = self._manifests(server)
        server.rebuild(self.demo.image.find_image('ticker').id)
        self.assertEqual(-1, server.found())
        self.poll(lambda: not any(
            images.exists(self.demo, image) for image in manifests),
            'the manifests to go')
        self.assertTrue(images.exists(self.demo, disk))
        self.assertEqual([], server.names())
        self.assert_sound(server, [])
        again = images.take(server, 'again')
        server.go_on()
        server.rebuild(again.image)
        self.assertIn(server.found(), again.ticks)

    def test_shelve(self) -> None:
        server = self.boot()
        manifests = self._manifests(server)
        tick = server.go_on()
        self.demo.compute.shelve_server(server.id)
        server.wait('SHELVED_OFFLOADED')
        self.poll(lambda: not any(
            images.exists(self.demo, image) for image in manifests),
            'the manifests to go')
        self.assertEqual([], host.files(server.id))
        self.demo.compute.unshelve_server(server.id)
        server.wait('ACTIVE')
        self.assertIn(server.found(), range(tick, tick + 20))
        self.assert_sound(server, [])

    def _manifests(self, server: servers.Server) -> list[str]:
        made = [server.snapshot(kind, kind=kind)
                for kind in ('external', 'internal')]
        server.go_on()
        return made
