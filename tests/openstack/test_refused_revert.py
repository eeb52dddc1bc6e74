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

"""A rebuild that cannot be a revert changes nothing, and says why."""

from typing import Any

from tests.openstack import base
from tests.openstack import host
from tests.openstack import server as servers


class TestRefusedRevert(base.OpenStackTest):

    def test_onto_the_manifest_of_another_server(self) -> None:
        handle = self.boot().snapshot('not yours')
        victim = self.boot()
        before = self._whole(victim)
        self._is_refused(victim, handle)
        self.assertEqual(before, self._whole(victim))
        self.assertNotIn('snapdriver', host.files(victim.id))
        # Another time, with local snapshots of its own.
        mine = victim.snapshot('mine')
        self._is_refused(victim, handle)
        self.assertEqual(before, self._whole(victim))
        self.assert_sound(victim, [mine])

    def test_onto_a_snapshot_that_is_gone(self) -> None:
        server = self.boot()
        handle, kept = server.snapshot('gone'), server.snapshot('kept')
        before = self._whole(server)
        host.run('snapdriver', 'snapshot', 'delete', server.id, handle,
                 user='nova')
        self._is_refused(server, handle)
        self.assertEqual(before, self._whole(server))
        self.assert_sound(server, [kept])

    def test_no_host_will_do(self) -> None:
        """The scheduler says so, and the driver never hears of it."""
        server = self.boot()
        handle = server.snapshot('handle')
        before = self._whole(server)
        self.demo.image.update_image(
            handle, **{'trait:HW_NIC_SRIOV': 'required'})
        self.demo.compute.rebuild_server(server.id, image=handle)
        self.poll(lambda: server.show().status == 'ERROR', 'NoValidHost')
        self.assertIn('No valid host', server.show().fault['message'])
        server.go_on()
        self.demo.compute.reboot_server(server.id, 'HARD')
        self.poll(lambda: server.show().status == 'ACTIVE', 'ACTIVE')
        server.wait('ACTIVE')
        self.assertEqual(before, self._whole(server))
        self.assert_sound(server, [handle])

    def test_memory_does_not_fit_any_more(self) -> None:
        """It cannot go on in a guest that looks different: the fault says it.
        """
        server = self.boot()
        handle = server.snapshot('small', kind='internal')
        flavor = self.admin.compute.create_flavor(
            name='tick-wide', ram=320, vcpus=1, disk=1)
        self.addCleanup(self.admin.compute.delete_flavor, flavor.id)
        self.demo.compute.resize_server(server.id, flavor.id)
        server.wait('VERIFY_RESIZE')
        self.demo.compute.confirm_server_resize(server.id)
        server.wait('ACTIVE')
        before = self._whole(server)
        self._is_refused(server, handle, 'snapdriver_request_memory=no')
        self.assertEqual(before, self._whole(server))
        self.assert_sound(server, [handle])

    def _is_refused(self, server: servers.Server, handle: str,
                    why: str = 'snapshot that this server does not have'
                    ) -> None:
        server.wait_tick()
        boots = server.console().count('FOUND')
        self.demo.compute.rebuild_server(server.id, image=handle)
        self.assertEqual('ACTIVE', server.wait().status)
        self.assertIn(why, self.reason(server))
        server.go_on()
        self.assertEqual(boots, server.console().count('FOUND'))

    def _whole(self, server: servers.Server) -> Any:
        """All that a refusal must leave: image, allocation, metadata."""
        shown = server.show()
        # Nova has removed it, and will not have it again by itself.
        allocation = self.poll(lambda: self.admin.placement.get(
            f'/allocations/{server.id}').json()['allocations'],
            'its allocation in Placement')
        return (shown.status, shown.image.id,
                {provider: entry['resources']
                 for provider, entry in allocation.items()},
                self._metadata(server))

    def _metadata(self, server: servers.Server) -> dict[str, str]:
        """The image's properties that the server has: its next image's."""
        image = server.snapshot('probe', kind='none', payload=None)
        properties = self.demo.image.get_image(image).properties
        self.demo.image.delete_image(image)
        return {key: value for key, value in properties.items()
                if key.startswith(('hw_', 'base_', 'snapdriver_', 'trait'))
                and key != 'snapdriver_request_kind'}
