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

"""What Placement is told: the trait, and the bytes that snapshots hold."""

from typing import Any

from oslo_log import log as logging

from snapdriver import chain
from snapdriver import exception
from snapdriver.nova import engine as engines
from snapdriver.nova import handles

LOG = logging.getLogger(__name__)
_GIB = 1 << 30


def update(engine: engines.Engine, tree: Any, nodename: str) -> None:
    """Add ours to what the stock driver has put into a provider tree.

    :param tree: a ``nova.compute.provider_tree.ProviderTree``.
    """
    tree.add_traits(nodename, handles.TRAIT)
    inventory = dict(tree.data(nodename).inventory)
    disk = inventory.get('DISK_GB')
    held = -(-held_bytes(engine) // _GIB)
    if disk is not None and held:
        # Placement wants no more reserved than there is.
        inventory['DISK_GB'] = dict(disk) | {
            'reserved': min(disk['total'], disk['reserved'] + held)}
        tree.update_inventory(nodename, inventory)


def held_bytes(engine: engines.Engine) -> int:
    """Of all frozen layers of this host: what instances have beyond disks."""
    held = 0
    for uuid in engine.uuids():
        try:
            state = engine.state(uuid)
            if state is not None:
                held += sum(engine.size(uuid, state.layers[layer].file)
                            for layer in chain.frozen(state))
        except (exception.SnapdriverError, OSError) as error:
            LOG.warning('The snapshots of %(uuid)s are not counted: '
                        '%(error)s', {'uuid': uuid, 'error': error})
    return held
