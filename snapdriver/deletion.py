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

"""Deleting snapshots: names at once, data when nothing stands on it.

::

    delete s2    before:  base <- a <- b <- c (active)      d on a: a branch
                          s1   s2                           s3 is d
                 after:   base <- a <- b <- c (active)      b is hidden: c
                          s1      hidden                    stands on it
    delete s3    after:   d is unlinked: nothing stands on it

The first record takes the name away, durably; from then on a delete is only
ever finished.
"""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses

from snapdriver import chain
from snapdriver import cleanup
from snapdriver import exception
from snapdriver import instance as instances
from snapdriver import model
from snapdriver import state as state_file
from snapdriver import view
from snapdriver.backends import base

Backends = Callable[[], Mapping[str, base.Backend]]


def plan(instance: instances.Instance, names: Sequence[str],
         children: bool = False, everything: bool = False) -> model.Plan:
    """Look at what a delete would do.

    :raises SnapshotNotFound: there is none of that name.
    """
    state = instance.state
    gone: list[str] = list(state.snapshots) if everything else []
    for name in names:
        snapshot = state.snapshot_named(name)
        if snapshot is None:
            raise exception.SnapshotNotFound(domain=instance.name,
                                             name=name[:80])
        gone.append(snapshot.id)
        if children:
            gone += chain.descendants(state.snapshots, snapshot.id)
    gone = list(dict.fromkeys(gone))
    after = chain.drop(state, gone)
    unlinked = [layer.file for layer in state.layers.values()
                if layer.id not in after.layers]
    freed = sum(instance.held_bytes(layer) for layer in state.layers
                if layer not in after.layers)
    notes = [f'{freed} bytes are freed'] if freed else []
    merging = set(chain.hidden(after)) - set(chain.hidden(state))
    notes += [f'{state.layers[layer].file} is merged into another layer, '
              'now or later: one stands on it' for layer in merging]
    return model.Plan(
        verb='delete', domain=instance.name, removed_files=tuple(unlinked),
        snapshots=tuple(state.snapshots[i].name for i in gone),
        notes=tuple(notes), data=gone)


def delete(instance: instances.Instance, plan: model.Plan,
           backends: Backends) -> None:
    """Do what was planned."""
    state = instance.state
    after = chain.drop(state, plan.data)
    instance.begin(
        'delete', '', 'unnamed',
        {'unlink': list(plan.removed_files), 'names': list(plan.snapshots),
         'discard': [state_file.to_plain(state.snapshots[i])
                     for i in plan.data if _has_tags(state.snapshots[i])]},
        snapshots=after.snapshots, layers=after.layers,
        current=after.current)
    finish(instance, backends)


def sweep(instance: instances.Instance, backends: Backends) -> None:
    """Unlink the layers that nothing needs any more: a pin is gone."""
    plan = model.Plan(verb='delete', domain=instance.name, snapshots=(),
                      data=())
    after = chain.drop(instance.state, ())
    unlinked = tuple(layer.file for layer in instance.state.layers.values()
                     if layer.id not in after.layers)
    if unlinked:
        delete(instance, dataclasses.replace(plan, removed_files=unlinked),
               backends)


def finish(instance: instances.Instance, backends: Backends) -> None:
    """What remains once the names are gone; can be repeated."""
    data = instance.operation.data
    dropped = [state_file.to_snapshot(item)
               for item in data.get('discard', ())]
    for kind in dict.fromkeys(snapshot.kind for snapshot in dropped):
        backends()[kind].discard(instance, _that_stay(instance, [
            snapshot for snapshot in dropped if snapshot.kind == kind]))
    if dropped:
        instance.passed('discarded')
    cleanup.unlink(instance, data['unlink'])
    cleanup.sweep_folder(instance)
    instance.passed('unlinked')
    view.drop(instance, data['names'])
    view.sync(instance)
    instance.finish('committed')
    cleanup.forget_if_bare(instance)


def _has_tags(snapshot: model.Snapshot) -> bool:
    return any(point.tag is not None for point in snapshot.disks.values())


def _that_stay(instance: instances.Instance,
               snapshots: Sequence[model.Snapshot]) -> list[model.Snapshot]:
    """Those snapshots, without their points at layers that are gone."""
    return [dataclasses.replace(snapshot, disks={
        name: point for name, point in snapshot.disks.items()
        if point.layer in instance.state.layers}) for snapshot in snapshots]
