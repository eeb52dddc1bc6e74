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

"""Two tenants: nothing that one says of images reaches the other's server."""

import openstack

from tests.openstack import base
from tests.openstack import images


class TestTenants(base.OpenStackTest):

    def test_crafted_properties(self) -> None:
        other = self.connect('other')
        theirs = self.boot()
        handle = theirs.snapshot('theirs')
        said = dict(self.demo.image.get_image(handle).properties)
        mine = self.boot(other)
        own = images.take(mine, 'own', payload='disk')
        # All that their handle says, on a disk of mine.
        forged = {key: value for key, value in said.items()
                  if key.startswith('snapdriver_')}
        forged |= {'instance_uuid': theirs.id, 'base_image_ref': handle}
        other.image.update_image(own.image, **forged)
        self.assertEqual('manifest', images.properties(
            other, own.image)['snapdriver_payload'])
        theirs_before, boots = theirs.go_on(), theirs.console().count('FOUND')

        # It is looked up by its id, and is mine: I get back what is mine.
        mine.rebuild(own.image)
        self.assertIn(mine.found(), own.ticks)
        # For another of my servers it is what it says: no disk.
        second = self.boot(other)
        second.cloud.compute.rebuild_server(second.id, image=own.image)
        self.assertEqual('ACTIVE', second.wait().status)
        self.assertIn('does not have', self.reason(second))

        theirs.wait_tick(theirs_before + 2)
        self.assertEqual(boots, theirs.console().count('FOUND'))
        self.assert_sound(theirs, [handle])
        self.assertEqual('active', self.demo.image.get_image(handle).status)

    def test_a_shared_handle(self) -> None:
        other = self.connect('other')
        theirs = self.boot()
        handle = theirs.snapshot('shared')
        self.demo.image.update_image(handle, visibility='shared')
        self.demo.image.add_member(handle, member_id=self._project(other))
        other.image.update_member(self._project(other), handle,
                                  status='accepted')
        boots = theirs.console().count('FOUND')
        mine = self.boot(other)
        # Their server is not mine to rebuild ...
        self.assertRaises(openstack.exceptions.HttpException,
                          other.compute.rebuild_server, theirs.id,
                          image=handle)
        # ... and mine does not have that snapshot.
        other.compute.rebuild_server(mine.id, image=handle)
        self.assertEqual('ACTIVE', mine.wait().status)
        self.assertIn('does not have', self.reason(mine))
        mine.go_on()
        theirs.go_on()
        self.assertEqual(boots, theirs.console().count('FOUND'))
        self.assert_sound(theirs, [handle])

    def _project(self, cloud: openstack.connection.Connection) -> str:
        return str(cloud.current_project_id)

    def test_no_server_boots_from_a_manifest(self) -> None:
        handle = self.boot().snapshot('no disk')
        refused = self.demo.compute.create_server(
            name='from-a-manifest', image_id=handle, networks='none',
            flavor_id=self.demo.compute.find_flavor('tick1').id)
        self.addCleanup(self.demo.compute.delete_server, refused.id)

        def status() -> str:
            return str(self.demo.compute.get_server(refused.id).status)
        self.poll(lambda: status() == 'ERROR', 'the refusal')
        fault = self.demo.compute.get_server(refused.id).fault['message']
        self.assertIn('no disk image', fault)
        self.assertIn('snapdriver_payload=disk', fault)
