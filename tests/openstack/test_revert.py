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

"""``openstack server rebuild --image HANDLE``: there, back and elsewhere."""

from typing import Any

from tests.openstack import base
from tests.openstack import images
from tests.openstack import server as servers


class TestRevert(base.OpenStackTest):

    def test_back_and_forth_on_branches(self) -> None:
        server = self.boot()
        own = server.show().image.id
        first = images.take(server, 'first')
        server.go_on()
        second = images.take(server, 'second')
        server.go_on()
        lost = server.tick()

        self.revert(server, first)
        server.wait_tick(lost + 2)
        third = images.take(server, 'third', payload='disk')
        self.assertEqual(first.image, images.properties(
            self.demo, third.image)['snapdriver_parent'])
        for moment in (second, third, first, third):
            self.revert(server, moment)
            server.go_on()
            self.assert_sound(server)
        self.assertEqual(own, server.show().image.id)
        self.assertEqual(
            {first.image, second.image, third.image},
            set(server.names()) - {self.safety(server).id})

    def revert(self, server: servers.Server, moment: images.Moment) -> None:
        server.rebuild(moment.image)
        self.assertIn(server.found(), moment.ticks)

    def safety(self, server: servers.Server) -> Any:
        """The handle of what was active before; the newest is kept."""
        found = [image for image in self.demo.image.images(
            instance_uuid=server.id)
            if image.properties.get('snapdriver_safety') == 'yes'
            and image.id in server.names()]
        self.assertEqual(1, len(found))
        return found[0]

    def test_the_safety_handle_undoes_a_revert(self) -> None:
        server = self.boot()
        handle = server.snapshot('yesterday')
        server.go_on(4)
        before = server.tick()
        server.rebuild(handle)
        safety = self.safety(server)
        self.assertRegex(
            safety.name, f'^{server.show().name} before revert to '
            'yesterday at [0-9-]+ [0-9.]+$')
        self.assertEqual('active', safety.status)
        server.rebuild(safety.id)
        self.assertIn(server.found(), range(before, before + 30))
        self.assert_sound(server)

    def test_the_guest_goes_on_in_its_memory(self) -> None:
        server = self.boot()
        older = images.take(server, 'older', kind='internal')
        server.go_on()
        newer = images.take(server, 'newer', kind='internal')
        server.go_on(4)
        lost = server.tick()
        for moment in (older, newer):
            before = server.console()
            server.rebuild(moment.image)
            said = self.said_since(server, before)
            self.assertNotIn('FOUND', said)
            self.assertIn(int(said.split('T ')[1].split()[0]), range(
                moment.ticks.start, moment.ticks.stop + 1))
        self.assert_sound(server)
        server.wait_tick(lost + 1)
        # It has nothing to do with the memory that it was made with.
        self.demo.compute.stop_server(server.id)
        server.wait('SHUTOFF')
        server.rebuild(older.image)
        self.demo.compute.start_server(server.id)
        server.wait('ACTIVE')
        self.assertIn(server.found(), older.ticks)
        self.assert_sound(server)

    def said_since(self, server: servers.Server, before: str) -> str:
        """What the guest said after a revert; libvirt keeps its console."""
        def said() -> str | None:
            now = server.console()
            new = now.removeprefix(before) if now.startswith(before) else now
            return new if 'T ' in new.rpartition('\n')[0] else None
        return self.poll(said, f'{server.id} to say a number')

    def test_of_a_stopped_server_and_one_in_error(self) -> None:
        server = self.boot()
        moment = images.take(server, 'handle')
        server.go_on()
        self.demo.compute.stop_server(server.id)
        server.wait('SHUTOFF')
        server.rebuild(moment.image)
        self.assertEqual('SHUTOFF', server.show().status)
        self.assert_sound(server)
        self.demo.compute.start_server(server.id)
        server.wait('ACTIVE')
        self.assertIn(server.found(), moment.ticks)

        server.go_on(4)
        self.admin.compute.reset_server_state(server.id, 'error')
        self.poll(lambda: server.show().status == 'ERROR', 'ERROR')
        self.demo.compute.rebuild_server(server.id, image=moment.image)
        self.poll(lambda: server.show().status == 'ACTIVE', 'ACTIVE')
        server.wait('ACTIVE')
        self.assertIn(server.found(), moment.ticks)
        self.assert_sound(server)
