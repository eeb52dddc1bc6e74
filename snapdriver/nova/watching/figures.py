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

"""How much there is of what: from state files and the ledger.

No libvirt, no qemu-img and no lock: a state file is read, and the files of
its frozen layers are looked at by ``stat``.
"""

import collections
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import os
from typing import TYPE_CHECKING

from snapdriver import chain
from snapdriver import exception
from snapdriver import instance as instances
from snapdriver import model
from snapdriver import state as state_file
from snapdriver.nova import ledger as ledgers
from snapdriver.nova import ledger_file

if TYPE_CHECKING:
    from snapdriver.nova import engine as engines

#: The kind of the bytes of layers that no snapshot names any more.
HIDDEN = 'hidden'


@dataclasses.dataclass(frozen=True, slots=True)
class Unfinished:
    """An operation or a job that is written down; it may be going on.

    :ivar since: seconds since the epoch.
    """

    verb: str
    since: float


@dataclasses.dataclass(frozen=True, slots=True)
class Server:
    """One server that has, or had, local snapshots.

    :ivar snapshots: kind to their number.
    :ivar bytes: kind to what their layers occupy. A layer that snapshots of
        both kinds name is the external one's; an active layer with tags is
        the internal one's, with all that the guest has written to it.
    :ivar depth: disk to the number of layers that it consists of.
    :ivar hidden: number of frozen layers without a name.
    """

    uuid: str
    snapshots: Mapping[str, int]
    bytes: Mapping[str, int]
    depth: Mapping[str, int]
    hidden: int
    unfinished: Sequence[Unfinished]


@dataclasses.dataclass(frozen=True, slots=True)
class Figures:
    """Those of a host.

    :ivar unreadable: UUID of a server to why its state cannot be read.
    :ivar ledger: the reaper's; None if it cannot be read.
    """

    servers: Sequence[Server]
    unreadable: Mapping[str, str]
    ledger: ledgers.Ledger | None


def gather(engine: 'engines.Engine', file: ledger_file.LedgerFile,
           rest: Callable[[], object] = lambda: None) -> Figures:
    """What there is now.

    :param rest: called after each server.
    """
    servers, unreadable = [], {}
    for uuid in sorted(engine.uuids()):
        try:
            server = _server(engine, uuid)
        except (exception.SnapdriverError, OSError) as error:
            unreadable[uuid] = str(error)
        else:
            if server is not None:
                servers.append(server)
        rest()
    try:
        ledger = file.read()
    except exception.LedgerError:
        ledger = None
    return Figures(servers, unreadable, ledger)


def _server(engine: 'engines.Engine', uuid: str) -> Server | None:
    """None for another host's, on storage that is shared."""
    try:
        state = state_file.read(
            os.path.join(engine.path(uuid), instances.FOLDER))
    except FileNotFoundError:
        return None  # it was deleted this very moment
    if state is None or state.host != engine.options.host:
        return None
    if state.uuid != uuid:
        raise exception.StateError(
            path=engine.path(uuid),
            reason=f'it is of another instance, {state.uuid}')
    return of(state, lambda file: _size(engine, uuid, file))


def _size(engine: 'engines.Engine', uuid: str, file: str) -> int:
    try:
        return engine.size(uuid, file)
    except FileNotFoundError:
        return 0  # merged or deleted meanwhile; or "domain check" tells


def of(state: model.State, size: Callable[[str], int]) -> Server:
    """:param size: tells what a file of the server's occupies."""
    external, internal = _named(state)
    held: collections.Counter[str] = collections.Counter()
    for layer in sorted({*chain.frozen(state), *internal}):
        kind = external.get(layer) or internal.get(layer, HIDDEN)
        held[kind] += size(state.layers[layer].file)
    unfinished = [Unfinished(job.type, job.started_at)
                  for job in state.jobs.values()]
    if state.operation is not None:
        unfinished.append(Unfinished(
            state.operation.verb, state.operation.started_at))
    return Server(
        uuid=state.uuid,
        snapshots=collections.Counter(
            snapshot.kind for snapshot in state.snapshots.values()),
        bytes=held,
        depth={disk.name: chain.depth(state.layers, disk.active)
               for disk in state.disks.values()},
        hidden=len(chain.hidden(state)), unfinished=unfinished)


def _named(state: model.State) -> tuple[dict[str, str], dict[str, str]]:
    """Each layer that is named: wholly, or by a tag in it; and the kind."""
    wholly: dict[str, str] = {}
    tagged: dict[str, str] = {}
    for snapshot in state.snapshots.values():
        for point in snapshot.disks.values():
            names = wholly if point.tag is None else tagged
            names[point.layer] = snapshot.kind
    return wholly, tagged
