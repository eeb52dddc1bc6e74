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


"""The end of every revert: old safety snapshots go, and the guest starts."""

from typing import Any
from typing import NamedTuple

from snapdriver import chain
from snapdriver import cleanup
from snapdriver import instance as instances
from snapdriver import model
from snapdriver import view
from snapdriver.backends import internal_tags


class Pruned(NamedTuple):
    """:ivar data: for the operation, which :func:`finish` reads.
    :ivar changes: of the state.
    """

    data: dict[str, Any]
    changes: dict[str, Any]


def prune(state: model.State, target: str, keep: int | None) -> Pruned:
    """Let the safety snapshots beyond a number go.

    :param state: as it shall be but for that.
    :param target: id of the snapshot that is reverted to; it stays.
    :param keep: None to let none go.
    """
    newest_first = sorted((s for s in state.snapshots.values() if s.safety),
                          key=lambda s: -s.frozen_at)
    gone = [s for s in newest_first[keep:] if s.id != target] if (
        keep is not None) else []
    after = chain.drop(state, [s.id for s in gone])
    return Pruned(
        {'unlink': [layer.file for key, layer in state.layers.items()
                    if key not in after.layers],
         'pruned': [s.name for s in gone]},
        {'disks': after.disks, 'snapshots': after.snapshots,
         'layers': after.layers, 'current': after.current,
         'jobs': dict(after.jobs) | internal_tags.to_jobs(after, gone)})


def finish(instance: instances.Instance) -> None:
    """What remains after the commit; can be repeated."""
    data = instance.operation.data
    cleanup.unlink(instance, data['unlink'])
    cleanup.sweep_folder(instance)
    internal_tags.retry(instance)
    instance.passed('unlinked')
    view.drop(instance, data['pruned'])
    view.sync(instance)


def start(instance: instances.Instance) -> None:
    """Let the domain run if it shall; the operation is over."""
    wanted = model.Power(instance.operation.data['wanted'])
    domain = instance.domain
    try:
        if (domain is not None and wanted is not model.Power.SHUTOFF
                and domain.is_off()):
            domain.start(paused=wanted is model.Power.PAUSED)
        instance.passed('started')
    finally:
        # A domain that cannot start is the operator's, not recover's.
        instance.finish(None)
