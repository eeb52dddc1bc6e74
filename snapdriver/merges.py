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

"""Which layers can be merged, which way, and what is so afterwards. Pure.

A frozen layer that no external snapshot names, and that one layer stands on,
can go, by the cheaper of two ways::

    before   base <- a <- b <- c          b has lost its name
    down     base <- a <- b               c was copied into b: c's names, and
                                          what stood on c, are b's
    up       base <- a <- c               b was copied into c

Down is impossible where the upper layer holds a tag, whose layer would go.
Up is possible only into an active layer, and only where neither holds one:
a tag of the upper would change silently (invariant I6).
"""

from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Mapping
import dataclasses
import enum
from typing import Any

from snapdriver import chain
from snapdriver import jobs
from snapdriver import model

#: To pull a byte takes about as long as to commit two: both layers are read.
_PULL = 2


class Direction(enum.StrEnum):
    """Which layer is copied into the other."""

    DOWN = 'down'  # block commit: the upper goes
    UP = 'up'      # block pull: the lower goes


@dataclasses.dataclass(frozen=True, slots=True)
class Merge:
    """Two layers of a disk that become one.

    :ivar lower, upper: their ids; the upper stands on the lower.
    :ivar bytes: the most that is copied.
    """

    disk: str
    lower: str
    upper: str
    direction: Direction
    bytes: int

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> 'Merge':
        """What ``dataclasses.asdict`` has made of one."""
        return cls(**dict(data) | {
            'direction': Direction(data['direction'])})

    @property
    def gone(self) -> str:
        """The id of the layer that goes."""
        return (self.upper if self.direction is Direction.DOWN
                else self.lower)

    @property
    def kept(self) -> str:
        return (self.lower if self.direction is Direction.DOWN
                else self.upper)


def possible(state: model.State, held: Callable[[str], int],
             limited: bool = False) -> list[Merge]:
    """All pairs that can be merged now, the cheapest first.

    :param held: tells how many bytes a layer occupies.
    :param limited: only merges whose bandwidth can be limited while the
        domain is off: qemu-img can limit a commit and no rebase.
    """
    found = []
    for lower in mergeable(state):
        upper = chain.children(state.layers, lower)[0]
        ways = []
        if upper not in tagged(state):
            ways.append((held(upper), Direction.DOWN))
            if (upper in active(state) and lower not in tagged(state)
                    and not limited):
                ways.append((held(lower), Direction.UP))
        if ways:
            cost, direction = min(ways, key=lambda way: way[0] * (
                _PULL if way[1] is Direction.UP else 1))
            found.append(Merge(disk=state.layers[lower].disk, lower=lower,
                               upper=upper, direction=direction, bytes=cost))
    return sorted(found, key=lambda merge: merge.bytes)


def mergeable(state: model.State) -> list[str]:
    """Frozen layers that could go into another, or take it in.

    No external snapshot names them, one layer stands on them, and no job
    reads it or them.
    """
    named = {point.layer for snapshot in state.snapshots.values()
             for point in snapshot.disks.values() if point.tag is None}
    pinned = chain.pinned(state)
    result = []
    for layer in chain.frozen(state):
        above = chain.children(state.layers, layer)
        if (layer not in named and len(above) == 1
                and not pinned & {layer, *above}):
            result.append(layer)
    return result


def tagged(state: model.State) -> set[str]:
    """The layers that hold a tag, with a name or still to be removed."""
    return {point.layer for snapshot in state.snapshots.values()
            for point in snapshot.disks.values() if point.tag is not None
            } | {job.data['layer'] for job
                 in jobs.of_type(state, jobs.UNTAG)}


def active(state: model.State) -> set[str]:
    return {disk.active for disk in state.disks.values()}


def active_chain(state: model.State, merge: Merge) -> list[str]:
    """The layers that the disk stands on now, the active one first."""
    return chain.to_base(state.layers, state.disks[merge.disk].active)


def done(state: model.State, merge: Merge) -> model.State:
    """The state with the two layers merged."""
    layers = dict(state.layers)
    gone = layers.pop(merge.gone)
    kept = dataclasses.replace(layers[merge.kept], fresh_bytes=None)
    if merge.direction is Direction.UP:
        kept = dataclasses.replace(kept, parent=gone.parent)
        layers[kept.id] = kept
        return dataclasses.replace(state, layers=layers)
    layers[kept.id] = kept
    for child in chain.children(layers, gone.id):
        layers[child] = dataclasses.replace(layers[child], parent=kept.id)
    return dataclasses.replace(
        state, layers=layers,
        snapshots={key: _moved(snapshot, gone.id, kept.id)
                   for key, snapshot in state.snapshots.items()},
        disks={key: dataclasses.replace(disk, active=kept.id)
               if disk.active == gone.id else disk
               for key, disk in state.disks.items()})


def lifted(state: model.State, merge: Merge) -> Collection[str]:
    """The layers that are written: the target, and those above what goes.

    QEMU writes the new backing file into the headers of the latter.
    """
    if merge.direction is Direction.UP:
        return [merge.upper]
    return [merge.lower, *chain.children(state.layers, merge.upper)]


def _moved(snapshot: model.Snapshot, gone: str,
           kept: str) -> model.Snapshot:
    return dataclasses.replace(snapshot, disks={
        name: dataclasses.replace(point, layer=kept)
        if point.layer == gone else point
        for name, point in snapshot.disks.items()})
