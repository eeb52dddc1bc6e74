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

"""What fails on the way to an image leaves no local snapshot behind."""

from typing import Any

import openstack

from tests.openstack import base
from tests.openstack import host
from tests.openstack import images
from tests.openstack import server as servers


class TestFailedCreate(base.OpenStackTest):

    def test_its_image_is_deleted_meanwhile(self) -> None:
        server = self.boot()
        kept = server.snapshot('kept')
        before = host.disk_images(server.id)
        # Before it is filled, and while it is.
        for moment in ('queued', 'saving'):
            self._until(server, moment, self.demo.image.delete_image)
            self._is_as(server, before, [kept])
        server.go_on()

    def test_it_is_over_quota(self) -> None:
        """Glance lets an image have 128 properties: ours are too many."""
        server = self.boot()
        kept = server.snapshot('kept')
        before = host.disk_images(server.id)
        room = 128 - images.inherited(self.demo, kept)
        image = self.demo.compute.create_server_image(
            server.id, 'too much', wait=False, metadata={
                f'p{number}': 'x' for number in range(room - 1)})
        self.poll(lambda: self._status(image) is None, 'the image to go')
        server.wait('ACTIVE')
        self.assertIn('quota', self.reason(server).lower())
        self._is_as(server, before, [kept])

    def test_what_is_asked_for_there_is_not(self) -> None:
        server = self.boot()
        before = host.disk_images(server.id)
        for wrong, why in (
                ({'kind': 'bronze'}, 'external, internal, none'),
                ({'payload': 'paper'}, 'disk, manifest'),
                ({'kind': 'none', 'payload': 'manifest'}, 'needs a local')):
            image = server.snapshot('wrong', wait=False, **wrong)
            self.poll(lambda image=image: self._status(image) is None,
                      'the image to go')
            server.wait('ACTIVE')
            self.assertIn(why, self.reason(server))
        self._is_as(server, before, [])

    def _is_as(self, server: servers.Server, before: int,
               names: list[str]) -> None:
        """The names of these snapshots, and not a file more."""
        self.assertEqual('ACTIVE', server.wait().status)
        self.assert_sound(server, names)
        self.assertEqual(before, host.disk_images(server.id))

    def _until(self, server: servers.Server, status: str, act: Any) -> str:
        """A snapshot with its disk, and something done while it is made.

        It may be through just before that: then once more.
        """
        for _ in range(5):
            image = server.snapshot(status, payload='disk', wait=False)
            while (now := self._status(image)) not in (status, 'active'):
                self.assertIsNotNone(now, self.reason(server))
            act(image)
            self.poll(lambda image=image: self._status(image) is None,
                      'its end')
            server.wait('ACTIVE')
            if now == status and image not in server.names():
                return image
            host.run('snapdriver', 'snapshot', 'delete', server.id, image,
                     user='nova')
        raise AssertionError(f'no image was seen {status}, or its snapshot '
                             'stayed')

    def _status(self, image: str) -> str | None:
        try:
            return str(self.demo.image.get_image(image).status)
        except openstack.exceptions.NotFoundException:
            return None
