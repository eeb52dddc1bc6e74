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

"""Moves to another host: refused before anything has changed, or flattened."""

from typing import Any

import openstack

from tests.openstack import another_host
from tests.openstack import base
from tests.openstack import host
from tests.openstack import images
from tests.openstack import options
from tests.openstack import server as servers


class TestRefused(base.OpenStackTest):
    """``on_move=refuse``, the default."""

    def test_cold_and_live(self) -> None:
        server = self.boot()
        first = images.take(server, 'first')
        server.go_on()
        least = server.tick()
        with another_host.host_elsewhere(self):
            _cold(self, server)
            self.assert_still_here(server, first.image)
            self.assertIn('local snapshots', self.reason(server))
            log = host.LOG.stat().st_size
            _live(self, server)
            self.assert_still_here(server, first.image)
            self.assertIn('local snapshots', host.log(log))
            server.wait_tick(least + 2)
            server.stop()
            _cold(self, server)
            self.assertEqual('SHUTOFF', server.show().status)
            self.assert_still_here(server, first.image)
        server.start()
        self.assertGreaterEqual(server.found(), least)
        server.rebuild(first.image)
        self.assertIn(server.found(), first.ticks)

    def assert_still_here(self, server: servers.Server, name: str) -> None:
        self.assertNotEqual(
            another_host.NAME,
            self.admin.compute.get_server(server.id).compute_host)
        self.assert_sound(server, [name])


class TestFlattened(options.OptionsTest):

    OPTIONS = ('snapdriver.on_move=flatten',)

    def test_cold(self) -> None:
        """Nobody answers there, so that it stays, as it is by then."""
        server = self.boot()
        manifest = images.take(server, 'manifest', payload='manifest')
        server.go_on()
        disk = images.take(server, 'disk', payload='disk')
        server.go_on()
        least = server.tick()
        with another_host.host_elsewhere(self):
            _cold(self, server)
            self.assertIn('ssh', self.reason(server))
        self.assertEqual('ACTIVE', server.show().status)
        self.assert_sound(server, [])
        self.assertEqual(1, host.disk_images(server.id))
        host.run('test', '-r', str(host.INSTANCES / server.id / 'disk'),
                 user='nova')
        server.wait_tick(least + 2)
        server.stop()
        self.assertEqual(['disk'], [
            name for name in host.files(server.id)
            if name.startswith('disk') and name != 'disk.info'])
        server.start()
        self.assertGreaterEqual(server.found(), least + 2)
        # A copy of the disk stays good; the manifest is good for nothing.
        self.poll(lambda: not images.exists(self.demo, manifest.image),
                  'the manifest to go')
        server.rebuild(disk.image)
        self.assertIn(server.found(), disk.ticks)


def _cold(test: Any, server: servers.Server) -> None:
    before = server.show().status
    test.admin.compute.migrate_server(server.id, host=another_host.NAME)
    _wait(test, server, before)


def _live(test: Any, server: servers.Server) -> None:
    # Nova asks its scheduler for other hosts then; there are none.
    test.assertRaises(
        openstack.exceptions.BadRequestException,
        test.admin.compute.live_migrate_server, server.id,
        host=another_host.NAME, block_migration='auto')
    _wait(test, server, 'ACTIVE')


def _wait(test: Any, server: servers.Server, status: str) -> None:
    """Until it is over, and has not happened."""
    server.wait(status)
    test.assertIn('Error', server.last_event())
