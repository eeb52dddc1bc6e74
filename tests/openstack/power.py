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

"""Operations that leave a server's disks as they are."""

import contextlib
import functools
from typing import Any

import openstack

from tests.openstack import host
from tests.openstack import operations
from tests.openstack import server as servers

OPERATIONS: operations.Table = {}
_operation = functools.partial(operations.operation, OPERATIONS)


@_operation('soft reboot')
def soft_reboot(test: Any, server: servers.Server) -> None:
    server.cloud.compute.reboot_server(server.id, 'SOFT')
    server.wait('ACTIVE')


@_operation('hard reboot')
def hard_reboot(test: Any, server: servers.Server) -> None:
    server.cloud.compute.reboot_server(server.id, 'HARD')
    server.wait('ACTIVE')


@_operation('stop, start')
def stop_start(test: Any, server: servers.Server) -> None:
    server.stop()
    test.assert_sound(server)
    server.start()


@_operation('guest powers off, start')
def power_off_start(test: Any, server: servers.Server) -> None:
    server.say('off', 'POWER-OFF')
    server.wait('SHUTOFF')
    server.start()


@_operation('guest powers off, hard reboot at once')
def power_off_reboot(test: Any, server: servers.Server) -> None:
    """Nobody has settled the names, and Nova thinks that it runs."""
    server.say('off', 'POWER-OFF')
    test.poll(lambda: host.virsh('domstate', server.id).strip() == 'shut off',
              'the guest to be off')
    hard_reboot(test, server)


@_operation('pause, unpause', boots=False)
def pause_unpause(test: Any, server: servers.Server) -> None:
    server.cloud.compute.pause_server(server.id)
    server.wait('PAUSED')
    test.assert_sound(server)
    server.cloud.compute.unpause_server(server.id)
    server.wait('ACTIVE')


@_operation('suspend, resume', boots=False)
def suspend_resume(test: Any, server: servers.Server) -> None:
    server.suspend()
    test.assert_sound(server)
    server.resume()


@_operation('suspend, hard reboot')
def suspend_reboot(test: Any, server: servers.Server) -> None:
    """The save image is dropped, and what it says is not believed."""
    server.suspend()
    hard_reboot(test, server)


@_operation('rescue, unrescue')
def rescue(test: Any, server: servers.Server) -> None:
    """On another root disk; the server's own is the second one."""
    _rescue(test, server, 'vdb', 'ticker')


@_operation('rescue on a stable device, unrescue')
def rescue_stable(test: Any, server: servers.Server) -> None:
    """With all disks where they are, booted from one more."""
    _rescue(test, server, 'vda', test.image('ticker-stable'))


def _rescue(test: Any, server: servers.Server, disk: str,
            image: str) -> None:
    least = server.tick()
    server.cloud.compute.rescue_server(
        server.id, image=server.cloud.image.find_image(image).id)
    server.wait('RESCUE')
    server.found()
    seen = server.say(f'seen {disk}', rf'SEEN {disk} tick (\d+)')
    test.assertGreaterEqual(int(seen[1]), least)
    test.assert_sound(server)
    server.cloud.compute.unrescue_server(server.id)
    server.wait('ACTIVE')


@_operation('migrate, live or cold: refused on one host', boots=False)
def migrate(test: Any, server: servers.Server) -> None:
    compute = test.admin.compute
    for move in (lambda: compute.migrate_server(server.id),
                 lambda: compute.live_migrate_server(
                     server.id, block_migration='auto')):
        # At once, or afterwards in the list of what was done with it.
        with contextlib.suppress(openstack.exceptions.HttpException):
            move()
            server.wait('ACTIVE')
            test.assertIn('Error', server.last_event())
        server.wait('ACTIVE')
