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

"""Comparing what is with what may be."""

from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses

from snapdriver import model
from tests.functional.fuzz import machine as machines
from tests.functional.fuzz import oracle as oracles

Names = Mapping[str, str]


@dataclasses.dataclass(frozen=True)
class Seen:
    """What was found.

    :ivar held: name of a snapshot to disk to mark; None if not looked at.
    :ivar memory: None if it is off.
    """

    infos: Sequence[model.SnapshotInfo]
    power: model.Power
    saved: bool
    actives: Mapping[str, str | None]
    held: Mapping[str, Mapping[str, str | None]] | None
    memory: int | None


def look(machine: machines.Machine, infos: Sequence[model.SnapshotInfo],
         everything: bool) -> Seen:
    """:param everything: also what each snapshot keeps."""
    power, saved = machine.power(), machine.is_saved()
    # The definition may be anybody's, even of old names; see Oracle.settled.
    files = machine.active_files() if (
        power is model.Power.SHUTOFF and machine.is_stale()
    ) else machine.files_in_use()
    marks = machine.read_marks(files.values())
    return Seen(
        infos=infos, power=power, saved=saved,
        actives={name: marks[path] for name, path in files.items()},
        held=machine.marks_of(infos) if everything else None,
        memory=None if power is model.Power.SHUTOFF
        else machine.read_memory())


def match(seen: Seen, future: oracles.Oracle,
          names: Names) -> tuple[dict[str, str], list[str]]:
    """Compare.

    :param names: label to name of the snapshots that have one already.
    :returns: label to name of all of them; every difference.
    """
    found = {info.name: info for info in seen.infos}
    known = _name(found, future, names)
    differences = []

    def compare(what: str, is_now: object, should_be: object) -> None:
        if is_now != should_be:
            differences.append(f'{what}: {is_now!r}, not {should_be!r}')

    compare('snapshots', sorted(found), sorted(
        known.get(label, label) for label in future.snapshots))
    compare('order', [name for name, info in found.items() if info.parent
                      and list(found).index(info.parent)
                      > list(found).index(name)], [])
    compare('current', [i.name for i in seen.infos if i.current],
            [known.get(future.current, future.current)]
            if future.current else [])
    compare('power', seen.power, future.power)
    compare('saved', seen.saved, future.saved)
    compare('active', dict(seen.actives), {
        name: active.mark for name, active in future.actives.items()})
    if future.memory is not None and seen.memory is not None:
        compare('memory', seen.memory, future.memory)
    for label, snapshot in future.snapshots.items():
        name = known.get(label, label)
        if name not in found:
            continue
        info = found[name]
        parent = snapshot.parent and known.get(
            snapshot.parent, snapshot.parent)
        compare(f'{name} is', (
            info.kind, info.state, info.parent, info.safety,
            sorted(info.disks)), (
            snapshot.kind, snapshot.state, parent, snapshot.safety,
            sorted(snapshot.disks)))
        if seen.held is not None:
            compare(f'{name} keeps', seen.held[name], {
                disk: point.mark for disk, point in snapshot.disks.items()})
    return known, differences


def _name(found: Mapping[str, model.SnapshotInfo], future: oracles.Oracle,
          names: Names) -> dict[str, str]:
    """Ours have their labels as names; find out a safety snapshot's."""
    known = {label: names.get(label, label) for label in future.snapshots
             if label in names or not future.snapshots[label].safety}
    new = [name for name, info in found.items()
           if info.safety and name not in names.values()]
    for label in future.snapshots:
        if label not in known and new:
            known[label] = new.pop()
    return known
