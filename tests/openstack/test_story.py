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

"""The story that snapdriver is for, as a tenant lives it."""

from tests.openstack import base


class TestStory(base.OpenStackTest):

    def test_snapshot_go_on_and_back(self) -> None:
        server = self.boot()
        before = server.go_on()
        handle = server.snapshot('before')
        after = server.tick()
        self.assert_sound(server, [handle])
        server.go_on(4)
        own = server.show().image.id
        server.rebuild(handle)
        self.assertIn(server.found(), range(before, after + 2))
        self.assertEqual(own, server.show().image.id)
        self.assertEqual(2, len(server.names()))
        self.assert_sound(server)
        server.go_on()
