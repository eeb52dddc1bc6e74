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

r"""The tree of layers and of snapshots: reading, checking, planning. Pure.

::

    base <- a <- b <- c (active)         chain of the active layer: a b c
                 ^ \                     b has two children
                 s1 \- d                 d is a branch; without a name and
                                         without children it can be unlinked
"""

from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Mapping
import dataclasses

from snapdriver import model

Layers = Mapping[str, model.Layer]


def check(layers: Layers) -> None:
    """:raises ValueError: a parent is missing, foreign, or its own child."""
    check_parents({layer.id: layer.parent for layer in layers.values()})
    for layer in layers.values():
        if layer.parent and layers[layer.parent].disk != layer.disk:
            raise ValueError(f'layer {layer.id} stands on another disk\'s')


def check_parents(parents: Mapping[str, str | None]) -> None:
    """:raises ValueError: a parent is missing or the tree has a cycle."""
    sound: set[str] = set()
    for start in parents:
        path: list[str] = []
        node: str | None = start
        while node is not None and node not in sound:
            if node in path or node not in parents:
                raise ValueError(f'{node} is missing or its own ancestor')
            path.append(node)
            node = parents[node]
        sound.update(path)


def to_base(layers: Layers, top: str) -> list[str]:
    """The ids from that layer down to the lowest, both included."""
    ids = []
    layer: str | None = top
    while layer is not None:
        ids.append(layer)
        layer = layers[layer].parent
    return ids


def depth(layers: Layers, top: str) -> int:
    """How many layers that one stands on, itself included."""
    return len(to_base(layers, top))


def children(layers: Layers, layer: str) -> list[str]:
    return [other.id for other in layers.values() if other.parent == layer]


def named(snapshots: Iterable[model.Snapshot]) -> set[str]:
    """The layers that a snapshot points at."""
    return {point.layer for snapshot in snapshots
            for point in snapshot.disks.values()}


def unneeded(layers: Layers, needed: Collection[str]) -> list[str]:
    """The layers that nothing needed stands on, uppermost first.

    :param needed: ids of the active layers and of those with a name.
    """
    kept: set[str] = set()
    for layer in needed:
        kept.update(to_base(layers, layer))
    gone = [layer for layer in layers if layer not in kept]
    return sorted(gone, key=lambda layer: -depth(layers, layer))


def hidden(state: model.State) -> list[str]:
    """Frozen layers without a name that other layers still stand on.

    Merging them is pending; lowest first.
    """
    visible = named(state.snapshots.values())
    visible.update(disk.active for disk in state.disks.values())
    return sorted((layer for layer in state.layers if layer not in visible),
                  key=lambda layer: depth(state.layers, layer))


def pinned(state: model.State) -> set[str]:
    """The layers that jobs read, with all that they stand on."""
    return {below for job in state.jobs.values()
            for layer in job.data.get('pins', ())
            for below in to_base(state.layers, layer)}


def frozen(state: model.State) -> list[str]:
    """All layers but the active ones."""
    active = {disk.active for disk in state.disks.values()}
    return [layer for layer in state.layers if layer not in active]


def descendants(snapshots: Mapping[str, model.Snapshot],
                root: str) -> list[str]:
    """Ids of all snapshots below that one, parents first."""
    found: list[str] = []
    queue = [root]
    while queue:
        parent = queue.pop(0)
        below = [s.id for s in _oldest_first(snapshots, parent)]
        found += below
        queue += below
    return found


def parents_first(
        snapshots: Mapping[str, model.Snapshot]) -> list[model.Snapshot]:
    """All snapshots, each after its parent, older siblings first."""
    ordered: list[model.Snapshot] = []
    for root in _oldest_first(snapshots, None):
        ordered.append(root)
        ordered += [snapshots[i] for i in descendants(snapshots, root.id)]
    return ordered


def _oldest_first(snapshots: Mapping[str, model.Snapshot],
                  parent: str | None) -> list[model.Snapshot]:
    return sorted((s for s in snapshots.values() if s.parent == parent),
                  key=lambda s: (s.frozen_at, s.name))


def without(snapshots: Mapping[str, model.Snapshot],
            gone: Collection[str]) -> dict[str, str | None]:
    """Each remaining snapshot's parent once those are gone."""
    return {s.id: nearest(snapshots, s.parent, gone)
            for s in snapshots.values() if s.id not in gone}


def drop(state: model.State, gone: Collection[str]) -> model.State:
    """The state without those snapshots, and the layers only they needed.

    Their children get their parents; so does the mark of the current one.
    """
    snapshots = {
        key: state.snapshots[key] if state.snapshots[key].parent == parent
        else dataclasses.replace(state.snapshots[key], parent=parent)
        for key, parent in without(state.snapshots, gone).items()}
    left = set(unneeded(
        state.layers, named(snapshots.values()) | pinned(state)
        | {disk.active for disk in state.disks.values()}))
    return dataclasses.replace(
        state, snapshots=snapshots,
        layers={key: layer for key, layer in state.layers.items()
                if key not in left},
        current=nearest(state.snapshots, state.current, gone))


def nearest(snapshots: Mapping[str, model.Snapshot], start: str | None,
            gone: Collection[str]) -> str | None:
    """That snapshot, or its nearest ancestor that is not gone."""
    while start is not None and start in gone:
        start = snapshots[start].parent
    return start
