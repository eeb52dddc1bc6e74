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

"""What the engine knows: disks, layers, snapshots, operations.

::

    _base/<sha1>  <-  layer a  <-  layer b  <-  layer c (active)
                         ^            ^
                      snapshot s1  snapshot s2

A *layer* is one image file. A *snapshot* is a name for one moment of a set of
disks: it points, for each, at a frozen layer (external) or at a tag inside a
layer (internal). All sizes are bytes, all times seconds since the epoch.
"""

from collections.abc import Mapping
import dataclasses
import enum
from typing import Any


class Consistency(enum.StrEnum):
    """What a snapshot really holds (invariant I9)."""

    MEMORY = 'memory'                      # memory and disks of one moment
    QUIESCED = 'quiesced'                  # file systems frozen by the agent
    CRASH_CONSISTENT = 'crash-consistent'  # as after a power cut
    OFFLINE = 'offline'                    # the guest was shut off


class Quiesce(enum.StrEnum):
    """Whether the guest agent shall freeze the file systems."""

    NEVER = 'never'
    TRY = 'try'          # crash-consistent if the agent does not answer
    REQUIRE = 'require'  # refuse if the agent does not answer


class Power(enum.StrEnum):
    """The state that a domain is in, or shall be left in."""

    RUNNING = 'running'
    PAUSED = 'paused'
    SHUTOFF = 'shutoff'


@dataclasses.dataclass(frozen=True, slots=True)
class Layer:
    """One image file of one disk.

    :ivar id: random hexadecimal digits, for life.
    :ivar disk: the disk's file name as Nova knows it (``disk``).
    :ivar file: this layer's own file name (``disk.layer-<id>``).
    :ivar parent: id of the layer that it is backed by; None for the lowest.
    :ivar fresh_bytes: length of the file when it was made empty; None if it
        was not made by us. A longer file has been written to.
    """

    id: str
    disk: str
    file: str
    format: str
    parent: str | None
    created_at: float
    fresh_bytes: int | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Disk:
    """One disk of the instance, keyed by its file name (``name``).

    :ivar target: the guest's name for it (``vda``) when last seen.
    :ivar size: the largest virtual size that the disk has had.
    :ivar base: absolute path below the lowest layer (Nova's ``_base``), or
        None.
    :ivar active: id of the layer that the domain writes.
    :ivar mode: permissions of its file before its first snapshot, which it
        gets back after its last; None if nobody knows.
    """

    name: str
    target: str
    size: int
    base: str | None
    base_format: str | None
    active: str
    mode: int | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Point:
    """Where a snapshot keeps one disk: a layer, and a tag if internal.

    :ivar overlay: file name that libvirt's metadata gives for the layer put
        on top at that moment; None if there was none (safety snapshots).
    """

    layer: str
    size: int
    tag: str | None = None
    overlay: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Snapshot:
    """A name for one moment of a set of disks.

    :ivar id: UUID; names its domain XML in the state folder.
    :ivar state: as ``virsh snapshot-list`` shows it: ``disk-snapshot``,
        ``shutoff``, ``running`` or ``paused``.
    :ivar parent: id of the snapshot that it was made on, or None.
    :ivar disks: disk name to :class:`Point`.
    :ivar left_out: target of each disk that is not in it, and why.
    :ivar safety: made by a revert, to keep what was active before.
    """

    id: str
    name: str
    kind: str
    state: str
    parent: str | None
    created_at: float
    frozen_at: float
    consistency: Consistency
    disks: Mapping[str, Point]
    left_out: Mapping[str, str] = dataclasses.field(default_factory=dict)
    description: str = ''
    properties: Mapping[str, str] = dataclasses.field(default_factory=dict)
    safety: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Operation:
    """A verb in progress, written down before it acts (invariant I4).

    :ivar kind: the backend that has to finish or undo it.
    :ivar phase: the last phase whose intent is on disk.
    :ivar data: what that backend needs to finish or undo it; JSON types.
    """

    id: str
    verb: str
    kind: str
    phase: str
    started_at: float
    data: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True)
class Job:
    """The long part of an operation: bytes are copied, no lock is held."""

    id: str
    type: str
    disk: str
    started_at: float
    data: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True)
class State:
    """All that is known about one instance: what ``state.json`` holds.

    :ivar host: the host that may change it.
    :ivar generation: counts the replacements of the file.
    :ivar current: id of the snapshot that the active layers stand on, or
        were copied from.
    :ivar own_image: the instance's own image as Nova knew it; opaque here.
    """

    uuid: str
    name: str
    host: str
    generation: int = 0
    disks: Mapping[str, Disk] = dataclasses.field(default_factory=dict)
    layers: Mapping[str, Layer] = dataclasses.field(default_factory=dict)
    snapshots: Mapping[str, Snapshot] = dataclasses.field(
        default_factory=dict)
    current: str | None = None
    operation: Operation | None = None
    jobs: Mapping[str, Job] = dataclasses.field(default_factory=dict)
    own_image: Mapping[str, Any] | None = None

    def snapshot_named(self, name: str) -> Snapshot | None:
        """The snapshot of that name, or of that id."""
        for snapshot in self.snapshots.values():
            if name in (snapshot.name, snapshot.id):
                return snapshot
        return None


@dataclasses.dataclass(frozen=True, slots=True)
class SnapshotInfo:
    """A snapshot as people and programs see it; JSON has these very keys.

    :ivar parent: the parent's name, or None.
    :ivar current: the active layers stand on it.
    :ivar created_at: ISO 8601 in UTC, as ``frozen_at``.
    :ivar disks: disk name to ``target``, ``layer`` (file name), ``tag`` (of
        an internal snapshot, else None) and ``size`` (virtual, bytes).
    :ivar size: bytes that its layers occupy on the file system.
    """

    name: str
    id: str
    kind: str
    state: str
    parent: str | None
    current: bool
    created_at: str
    frozen_at: str
    consistency: str
    disks: Mapping[str, Mapping[str, Any]]
    size: int
    description: str
    properties: Mapping[str, str]
    left_out: Mapping[str, str]
    safety: bool


@dataclasses.dataclass(frozen=True, slots=True)
class CreateRequest:
    """What a snapshot shall be.

    :ivar disks: targets or file names; all disks of ours if empty.
    """

    name: str
    id: str
    kind: str
    disks: tuple[str, ...] = ()
    description: str = ''
    properties: Mapping[str, str] = dataclasses.field(default_factory=dict)
    quiesce: Quiesce = Quiesce.NEVER


@dataclasses.dataclass(frozen=True, slots=True)
class RevertRequest:
    """What a domain shall be put back to.

    :ivar power: how to leave the domain; None for as it is now, or, if its
        memory is put back, as it was at the snapshot.
    :ivar safety: make a snapshot of what is active first.
    :ivar safety_as: its id, name, description and properties; None for
        ones of our choice.
    :ivar memory: resume the guest's memory where the snapshot has it.
    """

    snapshot: Snapshot
    power: Power | None = None
    safety: bool = True
    memory: bool = True
    safety_as: CreateRequest | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """What a verb would do: what ``--dry-run`` shows.

    :ivar refusals: why it would be refused; nothing is done if there is one.
    :ivar new_files: names of the files that it makes.
    :ivar removed_files: names of the files that it unlinks.
    :ivar bytes: bytes that it writes before it returns.
    :ivar pause: how long the guest stands still.
    :ivar left_out: target of each disk that it leaves alone, and why.
    :ivar notes: what else one should know.
    :ivar data: the backend's own; opaque.
    """

    verb: str
    domain: str
    snapshots: tuple[str, ...]
    kind: str | None = None
    refusals: tuple[str, ...] = ()
    new_files: tuple[str, ...] = ()
    removed_files: tuple[str, ...] = ()
    bytes: int = 0
    pause: str = 'none'
    left_out: Mapping[str, str] = dataclasses.field(default_factory=dict)
    notes: tuple[str, ...] = ()
    data: Any = None


@dataclasses.dataclass(frozen=True, slots=True)
class Merged:
    """What a merge of layers has done.

    :ivar done: one sentence for each layer that is gone.
    :ivar pending: file name of each layer that stays for now, and why.
    """

    done: tuple[str, ...]
    pending: Mapping[str, str]


@dataclasses.dataclass(frozen=True, slots=True)
class Exported:
    """A file that an export has made.

    :ivar file: its absolute path.
    :ivar disk: file name of the disk that it is a copy of.
    :ivar snapshot: name of the snapshot that it was a copy of.
    :ivar bytes: what it occupies on its file system.
    """

    file: str
    format: str
    disk: str
    snapshot: str
    virtual_size: int
    bytes: int


class Severity(enum.StrEnum):
    """How bad a finding of ``check`` is; only PENDING is not wrong."""

    ERROR = 'error'      # data or a snapshot is in danger, or unusable
    WARNING = 'warning'  # a leak, a drift, unfinished work
    PENDING = 'pending'  # work that waits for its time


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """One thing that ``check`` found.

    :ivar code: stable, for programs: ``frozen-writable``.
    :ivar subject: the file, disk or snapshot concerned.
    """

    severity: Severity
    code: str
    subject: str
    message: str
