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

"""``[snapdriver] enabled = false``: Nova's own snapshots, and no new ones."""

from typing import ClassVar

from tests.openstack import host
from tests.openstack import images
from tests.openstack import options


class TestTurnedOff(options.OptionsTest):

    OPTIONS: ClassVar = ('snapdriver.enabled=false',)

    def test_image_create(self) -> None:
        server = self.boot()
        moment = images.take(server, 'stock', payload=None)
        self.assertEqual({}, images.properties(self.demo, moment.image))
        self.assertIn(images.tick(self.demo, moment.image), moment.ticks)
        image = server.snapshot('refused', kind='external', wait=False)
        self.poll(lambda: not images.exists(self.demo, image),
                  'the image to go')
        server.wait('ACTIVE')
        self.assertIn('turned off', self.reason(server))
        self.assertNotIn('snapdriver', host.files(server.id))
        server.rebuild(moment.image)
        self.assertIn(server.found(), moment.ticks)
