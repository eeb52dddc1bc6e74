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

"""What an instance should be: a model in plain Python, without a disk.

An oracle is a value: each verb gives another one, and the old one stays what
may be found if the verb is undone. Snapshots are called by labels that do
not depend on time or chance: ``s12`` was made by the operation of number 12,
``safety@13`` by the revert of number 13.
"""

from collections.abc import Collection
from collections.abc import Mapping
import dataclasses
import enum

from snapdriver.model import Power

Mark = str | None


class Way(enum.Enum):
    """How a revert does it.

    OVERLAY puts a new layer on that of an external snapshot, COPY makes one
    of a tag that is in no active layer, TAGS puts active layers back to the
    tags that they hold, MEMORY puts back the guest's memory, too.
    """

    OVERLAY = 'overlay'
    COPY = 'copy'
    TAGS = 'tags'
    MEMORY = 'memory'

    @property
    def is_inside(self) -> bool:
        return self in (Way.TAGS, Way.MEMORY)


@dataclasses.dataclass(frozen=True)
class Point:
    """Where a snapshot keeps a disk.

    :ivar mark: the word on the disk at that moment.
    :ivar at: tells this place from all others.
    """

    mark: Mark
    at: str


@dataclasses.dataclass(frozen=True)
class Snapshot:
    """A name, and what it keeps.

    :ivar state: as ``virsh snapshot-list`` shows it.
    :ivar order: grows from snapshot to snapshot.
    :ivar memory: what the guest's memory held; None if it is not kept.
    """

    label: str
    kind: str
    state: str
    parent: str | None
    order: int
    disks: Mapping[str, Point]
    safety: bool = False
    memory: int | None = None


@dataclasses.dataclass(frozen=True)
class Active:
    """What a disk holds now.

    :ivar stands_on: the ``at`` of the point that it was put on.
    :ivar clean: nothing was written to it since.
    """

    mark: Mark = None
    stands_on: str | None = None
    clean: bool = False


@dataclasses.dataclass(frozen=True)
class Oracle:
    """What is right.

    :ivar memory: what the guest's memory holds; None for unknown.
    :ivar saved: it is off and has a managed save image.
    :ivar saved_as: its power when it was saved.
    :ivar settled: Nova's names must be the active layers.
    :ivar exact: no layer was ever merged and no tag made: it is known
        whether a revert finds something to keep.
    """

    actives: Mapping[str, Active]
    snapshots: Mapping[str, Snapshot] = dataclasses.field(
        default_factory=dict)
    current: str | None = None
    power: Power = Power.SHUTOFF
    memory: int | None = 0
    saved: bool = False
    saved_as: Power = Power.RUNNING
    settled: bool = True
    exact: bool = True
    safety_keep: int = 1

    @property
    def up(self) -> bool:
        return self.power is not Power.SHUTOFF

    def named(self) -> int:
        """How many snapshots count in ``max_snapshots_per_instance``."""
        return sum(not s.safety for s in self.snapshots.values())

    # What happens to the guest ---------------------------------------------

    def but(self, **changes: object) -> 'Oracle':
        return dataclasses.replace(self, **changes)  # type: ignore[arg-type]

    def write(self, mark: str, disks: Collection[str]) -> 'Oracle':
        return self.but(actives=dict(self.actives) | {
            name: dataclasses.replace(
                self.actives[name], mark=mark, clean=False)
            for name in disks})

    def start(self, power: Power) -> 'Oracle':
        """Start it, or resume it from its save image."""
        if self.saved:
            return self.but(saved=False, power=(
                Power.PAUSED if power is Power.PAUSED else self.saved_as))
        return self.but(power=power, memory=0)

    def stop(self) -> 'Oracle':
        """Stop it from outside: nobody settles the names."""
        return self.but(power=Power.SHUTOFF, memory=0, settled=False)

    def save(self) -> 'Oracle':
        return self.but(power=Power.SHUTOFF, saved=True, settled=False,
                        saved_as=self.power)

    # What the verbs do -----------------------------------------------------

    def settle(self) -> 'Oracle':
        """Every verb begins with this."""
        return self if self.up or self.saved else self.but(settled=True)

    def create(self, label: str, order: int, disks: Collection[str],
               kind: str = 'external') -> 'Oracle':
        made = self._snapshot(label, order, disks, kind, safety=False)
        return self.but(
            snapshots=dict(self.snapshots) | {label: made}, current=label,
            actives=dict(self.actives) | {
                name: Active(point.mark, point.at, clean=True)
                for name, point in made.disks.items()},
            exact=self.exact and kind == 'external')

    def revert(self, target: str, order: int, *, way: Way = Way.OVERLAY,
               safety: str | None = None,
               power: Power | None = None) -> 'Oracle':
        """Put it back.

        :param safety: the label of the safety snapshot, if one is made.
        """
        snapshot = self.snapshots[target]
        kept, gone = self, set[str]()
        if safety is not None:
            kept = self.keep(safety, order, snapshot.disks, way)
            newest = sorted((s for s in kept.snapshots.values() if s.safety),
                            key=lambda s: -s.order)
            gone = {s.label for s in newest[self.safety_keep:]
                    if s.label != target}
        if power is None:
            power = (Power(snapshot.state) if way is Way.MEMORY
                     else self.power)
        return kept.but(
            current=target, power=power,
            memory=snapshot.memory if way is Way.MEMORY else 0,
            actives=dict(self.actives) | {
                name: Active(point.mark, point.at, clean=True)
                for name, point in snapshot.disks.items()})._without(gone)

    def keep(self, safety: str, order: int, disks: Collection[str],
             way: Way) -> 'Oracle':
        """The safety snapshot before a revert; it is current, if inside."""
        kind = 'internal' if way.is_inside else 'external'
        made = self._snapshot(safety, order, disks, kind, safety=True)
        return self.but(
            snapshots=dict(self.snapshots) | {safety: made},
            current=safety if way.is_inside else self.current)

    def must_keep(self, target: str, way: Way = Way.OVERLAY) -> bool | None:
        """Whether a revert to that makes a safety snapshot; None: it may.

        It must if what would be lost is nowhere else.
        """
        disks = self.snapshots[target].disks
        if self.current is None or way.is_inside and self.up:
            return True
        held = self.snapshots[self.current].disks
        if self.exact:
            return not all(
                self.actives[name].clean and name in held
                and self.actives[name].stands_on == held[name].at
                for name in disks)
        if all(name in held and held[name].mark == self.actives[name].mark
               for name in disks):
            return None
        return True

    def delete(self, labels: Collection[str], children: bool = False,
               everything: bool = False) -> 'Oracle':
        gone = set(self.snapshots if everything else labels)
        if children:
            for label in self.parents_first():
                if self.snapshots[label].parent in gone:
                    gone.add(label)
        return self._without(gone)

    def merge(self) -> 'Oracle':
        return self.but(exact=False)

    def parents_first(self) -> list[str]:
        ordered: list[str] = []
        while len(ordered) < len(self.snapshots):
            ordered += [s.label for s in self.snapshots.values()
                        if s.label not in ordered
                        and (s.parent is None or s.parent in ordered)]
        return ordered

    def _snapshot(self, label: str, order: int, disks: Collection[str],
                  kind: str, safety: bool) -> Snapshot:
        with_memory = kind == 'internal' and self.up
        return Snapshot(
            label=label, kind=kind, parent=self.current, order=order,
            safety=safety, memory=self.memory if with_memory else None,
            state=self.power.value if with_memory or not self.up
            else 'disk-snapshot',
            disks={name: Point(self.actives[name].mark, label)
                   for name in disks})

    def _without(self, gone: Collection[str]) -> 'Oracle':
        """Children get their parents' parents; so does the current mark."""
        def nearest(label: str | None) -> str | None:
            while label is not None and label in gone:
                label = self.snapshots[label].parent
            return label

        return self.but(
            current=nearest(self.current),
            snapshots={label: dataclasses.replace(
                snapshot, parent=nearest(snapshot.parent))
                for label, snapshot in self.snapshots.items()
                if label not in gone})
