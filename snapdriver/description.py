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

"""A snapshot as people and programs see it."""

import datetime

from snapdriver import chain
from snapdriver import instance as instances
from snapdriver import model


def describe_all(instance: instances.Instance) -> list[model.SnapshotInfo]:
    """All snapshots, parents first; each layer is looked at once."""
    held = {layer: instance.held_bytes(layer)
            for layer in chain.named(instance.state.snapshots.values())}
    return [_info(instance.state, snapshot, held)
            for snapshot in chain.parents_first(instance.state.snapshots)]


def describe(instance: instances.Instance,
             snapshot: model.Snapshot) -> model.SnapshotInfo:
    return _info(instance.state, snapshot, {
        point.layer: instance.held_bytes(point.layer)
        for point in snapshot.disks.values()})


def _info(state: model.State, snapshot: model.Snapshot,
          held: dict[str, int]) -> model.SnapshotInfo:
    return model.SnapshotInfo(
        name=snapshot.name, id=snapshot.id, kind=snapshot.kind,
        state=snapshot.state,
        parent=None if snapshot.parent is None
        else state.snapshots[snapshot.parent].name,
        current=snapshot.id == state.current,
        created_at=_iso(snapshot.created_at),
        frozen_at=_iso(snapshot.frozen_at),
        consistency=snapshot.consistency.value,
        disks={name: {
            'target': state.disks[name].target,
            'layer': state.layers[point.layer].file,
            'tag': point.tag, 'size': point.size}
            for name, point in snapshot.disks.items()},
        size=sum(held[point.layer] for point in snapshot.disks.values()),
        description=snapshot.description,
        properties=dict(snapshot.properties),
        left_out=dict(snapshot.left_out), safety=snapshot.safety)


def _iso(moment: float) -> str:
    return datetime.datetime.fromtimestamp(
        moment, datetime.UTC).isoformat(timespec='milliseconds')
