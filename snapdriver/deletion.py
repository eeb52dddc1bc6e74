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

from collections.abc import Sequence

from snapdriver import chain
from snapdriver import cleanup
from snapdriver import exception
from snapdriver import instance as instances
from snapdriver import model
from snapdriver import view


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
    notes += [f'{state.layers[layer].file} stays, hidden, until it can be '
              'merged: another layer stands on it' for layer in merging]
    return model.Plan(
        verb='delete', domain=instance.name, removed_files=tuple(unlinked),
        snapshots=tuple(state.snapshots[i].name for i in gone),
        notes=tuple(notes), data=gone)


def delete(instance: instances.Instance, plan: model.Plan) -> None:
    """Do what was planned."""
    state = instance.state
    after = chain.drop(state, plan.data)
    instance.begin(
        'delete', '', 'unnamed',
        {'unlink': list(plan.removed_files), 'names': list(plan.snapshots)},
        snapshots=after.snapshots, layers=after.layers,
        current=after.current)
    finish(instance)


def finish(instance: instances.Instance) -> None:
    """What remains once the names are gone; can be repeated."""
    data = instance.operation.data
    cleanup.unlink(instance, data['unlink'])
    cleanup.sweep_folder(instance)
    instance.passed('unlinked')
    view.drop(instance, data['names'])
    view.sync(instance)
    instance.finish('committed')
    cleanup.forget_if_bare(instance)
