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

"""A guest with an agent: its file systems are frozen as Nova would do it."""

from typing import Any

from tests.openstack import base
from tests.openstack import host
from tests.openstack import images


class TestQuiesce(base.OpenStackTest):

    def setUp(self) -> None:
        super().setUp()
        if self.demo.image.find_image('ticker-agent') is None:
            self.skipTest('there is no image with a guest agent')

    def test_the_handle_says_what_it_got(self) -> None:
        server = self.boot(image='ticker-agent')
        for kind, consistency in (('external', 'quiesced'),
                                  ('internal', 'memory')):
            moment = images.take(server, kind, kind=kind)
            self.assertEqual(consistency, images.properties(
                self.demo, moment.image)['snapdriver_consistency'])
            server.go_on()
        self.assert_sound(server)

    def test_it_is_required(self) -> None:
        image = self._image_that_requires_it()
        server = self.boot(image=image)
        handle = server.snapshot('quiesced')
        self.assertEqual('quiesced', images.properties(
            self.demo, handle)['snapdriver_consistency'])
        # It answers everything but that.
        server.say('agent hang', 'AGENT')
        refused = server.snapshot('refused', wait=False)
        self.poll(lambda: not images.exists(self.demo, refused),
                  'the image to go')
        self.assertEqual('ACTIVE', server.wait().status)
        self.assertRegex(self.reason(server).lower(), 'agent|quiesce')
        server.go_on()
        self.assertEqual([handle], server.names())
        # If it did not answer the thaw either, that is told.
        self.assertLessEqual({code for code, _ in server.findings()},
                             {'thaw-owed'})

    def _image_that_requires_it(self) -> str:
        found: Any = self.demo.image.find_image('ticker-agent')
        made = self.demo.image.create_image(
            'ticker-quiesce', filename=str(
                host.STATE / 'glance' / 'images' / found.id),
            disk_format=found.disk_format, container_format='bare',
            wait=True, hw_qemu_guest_agent='yes', os_require_quiesce='yes')
        self.addCleanup(self.demo.image.delete_image, made.id,
                        ignore_missing=True)
        return str(made.id)
