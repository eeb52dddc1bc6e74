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

"""``openstack server image create``: the kinds, payloads and states."""

from tests.openstack import base
from tests.openstack import images


class TestCreate(base.OpenStackTest):

    def test_of_a_running_server(self) -> None:
        server = self.boot()
        before = server.console().count('FOUND')
        for kind in ('external', 'internal'):
            moment = images.take(server, kind, kind=kind)
            said = images.properties(self.demo, moment.image)
            self.assertEqual(
                (kind, 'manifest', 'yes', 'required'),
                (said['snapdriver_kind'], said['snapdriver_payload'],
                 said['snapdriver_revertible'],
                 said['trait:CUSTOM_SNAPDRIVER']))
            self.assertEqual(
                'memory' if kind == 'internal' else 'crash-consistent',
                said['snapdriver_consistency'])
            self.assertEqual([], [key for key in said if 'request' in key])
            self.assertGreater(4096, images.size(moment.image))
        self.assertEqual(2, len(server.names()))
        server.go_on()
        self.assertEqual(before, server.console().count('FOUND'))
        self.assert_sound(server)

    def test_disk_payload_boots_anywhere(self) -> None:
        server = self.boot()
        moment = images.take(server, 'disk', payload='disk')
        said = images.properties(self.demo, moment.image)
        self.assertEqual(('external', 'disk'), (
            said['snapdriver_kind'], said['snapdriver_payload']))
        self.assertNotIn('trait:CUSTOM_SNAPDRIVER', said)
        self.assertEqual([], [key for key in said if 'request' in key])
        self.assertIn(images.tick(self.demo, moment.image), moment.ticks)
        self.assert_sound(server, [moment.image])

        # Whatever the server inherits from its image asks for nothing.
        self.demo.image.update_image(
            moment.image, snapdriver_request_kind='internal',
            snapdriver_request_payload='manifest')
        other = self.boot(image=moment.image)
        self.assertIn(other.found(), moment.ticks)
        again = other.snapshot('again', payload=None)
        now = images.properties(self.demo, again)
        self.assertEqual(('external', 'disk'), (
            now['snapdriver_kind'], now['snapdriver_payload']))
        self.assertGreater(now['snapdriver_frozen_at'],
                           said['snapdriver_frozen_at'])
        self.assertNotIn('snapdriver_parent', now)
        self.assertEqual([], [key for key in now if 'request' in key])
        self.assert_sound(other, [again])
        server.go_on()
        self.assertNotIn(server.tick(), moment.ticks)

    def test_kind_none_is_an_image_and_nothing_else(self) -> None:
        server = self.boot()
        stock = images.take(server, 'stock', kind='none', payload=None)
        self.assertIn(images.tick(self.demo, stock.image), stock.ticks)
        self.assertEqual({}, self._ours_but_request(stock.image))
        self.assert_sound(server, [])

        handle = server.snapshot('handle')
        server.go_on()
        flat = images.take(server, 'flat', kind='none', payload=None)
        self.assertIn(images.tick(self.demo, flat.image), flat.ticks)
        self.assertEqual({}, images.properties(self.demo, flat.image))
        self.assert_sound(server, [handle])

    def _ours_but_request(self, image: str) -> dict[str, str]:
        """Nova's own driver leaves the request on its image."""
        return {key: value for key, value
                in images.properties(self.demo, image).items()
                if not key.startswith('snapdriver_request_')}

    def test_of_a_paused_server(self) -> None:
        server = self.boot()
        self.demo.compute.pause_server(server.id)
        server.wait('PAUSED')
        tick = server.tick()
        made = [images.take(server, kind, kind=kind).image
                for kind in ('external', 'internal')]
        self.assertEqual('PAUSED', server.show().status)
        self.assertEqual(tick, server.tick())
        self.assert_sound(server, made)
        self.demo.compute.unpause_server(server.id)
        server.wait('ACTIVE')
        server.wait_tick(tick + 2)

    def test_of_a_stopped_server(self) -> None:
        server = self.boot()
        self.demo.compute.stop_server(server.id)
        server.wait('SHUTOFF')
        tick = server.tick()
        made = [server.snapshot(kind, kind=kind, payload=payload)
                for kind, payload in (('external', 'disk'),
                                      ('internal', 'manifest'))]
        for image in made:
            self.assertEqual('offline', images.properties(
                self.demo, image)['snapdriver_consistency'])
        self.assertIn(images.tick(self.demo, made[0]), (tick, tick + 1))
        self.assertEqual('SHUTOFF', server.show().status)
        self.assert_sound(server, made)
        self.demo.compute.start_server(server.id)
        server.wait('ACTIVE')
        self.assertIn(server.found(), (tick, tick + 1))
        self.assert_sound(server, made)

    def test_of_a_suspended_server(self) -> None:
        server = self.boot()
        self.demo.compute.suspend_server(server.id)
        server.wait('SUSPENDED')
        tick = server.tick()
        made = [server.snapshot(kind, kind=kind, payload='disk')
                for kind in ('external', 'internal')]
        for image in made:
            self.assertIn(images.tick(self.demo, image), (tick, tick + 1))
        self.assertEqual('SUSPENDED', server.show().status)
        self.demo.compute.resume_server(server.id)
        server.wait('ACTIVE')
        server.wait_tick(tick + 2)
        # Its console begins anew.
        self.assertNotIn('FOUND', server.console())
        self.assert_sound(server, made)
        for image in made:
            server.rebuild(image)
            self.assertIn(server.found(), (tick, tick + 1))
