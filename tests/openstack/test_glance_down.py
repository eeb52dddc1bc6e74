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

"""Glance goes down while an image is made: no local snapshot stays."""

import openstack

from tests.openstack import base
from tests.openstack import host
from tests.openstack import server as servers


class TestGlanceDown(base.OpenStackTest):

    def test_while_an_image_is_filled(self) -> None:
        server = self.boot()
        kept = server.snapshot('kept')
        self.addCleanup(host.service, 'start', 'glance')
        left = self._cut_off(server)
        self.assertEqual('ACTIVE', server.wait().status)
        self.assert_sound(server, [kept])
        host.service('start', 'glance')
        # Nova could not delete it, which is Nova's way.
        self.assertNotEqual('active', self.demo.image.get_image(left).status)
        server.rebuild(kept)
        self.assert_sound(server)

    def _cut_off(self, server: servers.Server) -> str:
        """An image that Glance goes down under.

        A small image may be through before that: then once more.
        """
        for _ in range(5):
            image = server.snapshot('cut off', payload='disk', wait=False)
            self.poll(lambda: server.show().task_state in (
                'image_pending_upload', 'image_uploading', None), 'the upload')
            host.service('kill', 'glance')
            server.wait('ACTIVE')
            if image not in server.names():
                return image
            host.service('start', 'glance')
            host.run('snapdriver', 'snapshot', 'delete', server.id, image,
                     user='nova')
        raise AssertionError('each image was through before Glance was down')

    def test_before_a_revert(self) -> None:
        """There can be no handle of what is active: refused, nothing lost."""
        server = self.boot()
        handle = server.snapshot('handle')
        before = server.go_on()
        boots = server.console().count('FOUND')
        self.addCleanup(host.service, 'start', 'glance')
        host.service('kill', 'glance')
        self.assertRaises(openstack.exceptions.HttpException,
                          self.demo.compute.rebuild_server, server.id,
                          image=handle)
        host.service('start', 'glance')
        self.assertEqual('ACTIVE', server.wait().status)
        server.wait_tick(before + 2)
        self.assertEqual(boots, server.console().count('FOUND'))
        self.assert_sound(server, [handle])
