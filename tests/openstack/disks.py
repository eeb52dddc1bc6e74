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

"""Operations that copy a server's disks, make new ones, or remove them."""

import dataclasses
import functools
from typing import Any

from tests.openstack import host
from tests.openstack import operations
from tests.openstack import power
from tests.openstack import server as servers
from tests.openstack import volumes

OPERATIONS: operations.Table = {}
_operation = functools.partial(operations.operation, OPERATIONS)


@_operation('attach and detach a second disk', boots=False)
def attach_detach(test: Any, server: servers.Server) -> None:
    """It is no disk of ours, and leaves nothing behind."""
    volume = volumes.Volume(test)
    disk = volume.attach(server)
    server.say(f'mark {disk} second', f'MARKED {disk} second')
    test.assert_sound(server)
    volume.detach(server)
    test.assertNotIn(f' {disk} ', host.virsh('domblklist', server.id))


@_operation('resize, revert')
def resize_revert(test: Any, server: servers.Server) -> None:
    """Back to the disks of before: what was counted since is gone."""
    server.resize(test.bigger())
    test.assert_sound(server)
    server.cloud.compute.revert_server_resize(server.id)
    server.wait('ACTIVE')
    test.assertEqual([], host.files(f'{server.id}_resize'))


@_operation('resize, confirm', grows=True)
def resize_confirm(test: Any, server: servers.Server) -> None:
    server.resize(test.bigger())
    test.assert_sound(server)
    server.cloud.compute.confirm_server_resize(server.id)
    server.wait('ACTIVE')
    test.assertEqual([], host.files(f'{server.id}_resize'))


@_operation('rebuild to another image', keeps=False, latest=False)
def rebuild_other(test: Any, server: servers.Server) -> None:
    server.rebuild(server.cloud.image.find_image(
        test.image('ticker-other')).id)


@_operation('shelve, unshelve', keeps=False)
def shelve_unshelve(test: Any, server: servers.Server) -> None:
    server.cloud.compute.shelve_server(server.id)
    server.wait('SHELVED_OFFLOADED')
    test.assertEqual([], host.files(server.id))
    server.cloud.compute.unshelve_server(server.id)
    server.wait('ACTIVE')


@_operation('its image is deleted; stop, start, hard reboot', alone=True)
def image_deleted(test: Any, server: servers.Server) -> None:
    """Nothing is fetched: ``_base`` has what it takes."""
    server.cloud.image.delete_image(server.show().image.id)
    power.stop_start(test, server)
    power.hard_reboot(test, server)
    # What Nova would take for the name of a base.
    test.assertEqual([], [name for name in host.bases()
                          if name.startswith('disk')])


@_operation('soft delete, restore')
def soft_delete_restore(test: Any, server: servers.Server) -> None:
    host.soft_delete(server.id)
    admin = test.admin.compute
    test.poll(lambda: admin.get_server(server.id).status == 'SOFT_DELETED',
              'the server to be deleted softly')
    test.assertIn('disk', host.files(server.id))
    server.cloud.compute.restore_server(server.id)
    server.wait('ACTIVE')


@_operation('delete', ends=True)
def delete(test: Any, server: servers.Server) -> None:
    """Nothing of it stays on the host and in Placement."""
    server.cloud.compute.delete_server(server.id)
    test.poll(lambda: test.is_gone(server), 'the server to go')
    test.assertEqual([], host.files(server.id))
    test.assertNotIn(server.id, host.virsh('list', '--all', '--uuid'))
    test.assertEqual({}, test.admin.placement.get(
        f'/allocations/{server.id}').json()['allocations'])


def _while_merging(act: operations.Act) -> operations.Act:
    def run(test: Any, server: servers.Server) -> None:
        with test.merging(server):
            act(test, server)
    return run


for _act in (power.stop_start, power.hard_reboot, resize_confirm,
             rebuild_other, delete):
    _alone = (power.OPERATIONS | OPERATIONS)[_act.__name__]
    OPERATIONS[f'{_act.__name__}_merging'] = dataclasses.replace(
        _alone, name=f'{_alone.name}, while layers are merged',
        act=_while_merging(_act), alone=True,
        rare=_act is not power.stop_start)
