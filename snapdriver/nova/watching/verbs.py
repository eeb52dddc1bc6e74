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

"""Each verb's start and end, told to whoever watches.

Nothing that goes wrong in the telling ever reaches the verb.
"""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
import contextlib
import dataclasses
import enum
import time
from typing import Any

from oslo_log import log as logging

from snapdriver import model
from snapdriver.nova import handles

LOG = logging.getLogger(__name__)


class Verb(enum.StrEnum):
    """What is told of. The names are part of the notifications' types."""

    CREATE = 'create'  # an image of a server was asked for, as a handle
    REVERT = 'revert'  # the server is put back
    SAFETY = 'safety'  # what was active before a revert gets its handle
    DELETE = 'delete'  # they go with their server, or for its move
    REAP = 'reap'      # they go because their handle was deleted


class Phase(enum.StrEnum):
    """Every start is followed by one of the others."""

    START = 'start'
    END = 'end'
    ERROR = 'error'


@dataclasses.dataclass(frozen=True, slots=True)
class About:
    """What is known of a snapshot.

    :ivar payload: what its handle holds: ``disk`` or ``manifest``.
    :ivar frozen_at: seconds since the epoch.
    """

    id: str
    kind: str | None = None
    consistency: str | None = None
    payload: str | None = None
    frozen_at: float | None = None


@dataclasses.dataclass(slots=True, eq=False)
class Work:
    """One verb on one server.

    :ivar server: UUID.
    :ivar instance: the ``nova.objects.Instance``; None if it is not at hand.
    :ivar context: of the request; None where nobody has asked.
    :ivar since: when it began, in seconds since the epoch.
    :ivar safety: id of the safety snapshot that a revert has made.
    :ivar seconds: how long it took; None until it has ended.
    """

    verb: Verb
    server: str
    snapshots: list[About]
    instance: Any
    context: Any
    since: float
    safety: str | None = None
    seconds: float | None = None
    error: BaseException | None = None


Watcher = Callable[[Work, Phase], None]
#: Tells what the state file knows of a server's snapshots by their ids.
Describe = Callable[[str, Sequence[str]], Sequence[About]]

_watchers: list[Watcher] = []
_describers: list[Describe] = []
_running: list[Work] = []


def watch(watchers: Sequence[Watcher], describe: Describe) -> None:
    """Tell these from now on, and nobody else."""
    _watchers[:], _describers[:] = watchers, [describe]


def running() -> list[Work]:
    """What is being done in this process now."""
    return list(_running)


def about(state: model.State | None, ids: Sequence[str]) -> list[About]:
    """Those of the snapshots that a state knows."""
    known = state.snapshots if state is not None else {}
    return [About(
        snapshot.id, snapshot.kind, snapshot.consistency.value,
        snapshot.properties.get(handles.IS_HANDLE), snapshot.frozen_at)
        for snapshot in (known[each] for each in ids if each in known)]


@contextlib.contextmanager
def watched(verb: Verb, server: Any, snapshots: Sequence[str],
            context: Any = None, *, kind: str | None = None,
            payload: str | None = None) -> Iterator[None]:
    """Tell that a verb begins, and how it ends; nothing without snapshots.

    :param server: a ``nova.objects.Instance``, or its UUID.
    :param snapshots: their ids.
    :param kind: of what is to be made, as the state file does not know it.
    :param payload: the same.
    """
    if not snapshots:
        yield
        return
    instance = None if isinstance(server, str) else server
    work = Work(
        verb, server if instance is None else str(instance.uuid),
        [About(each, kind, payload=payload) for each in snapshots],
        instance, context, time.time())
    _running.append(work)
    begin = time.monotonic()
    _tell(work, Phase.START)
    try:
        yield
    except BaseException as error:
        work.error = error
        raise
    finally:
        _running.remove(work)
        work.seconds = time.monotonic() - begin
        _tell(work, Phase.END if work.error is None else Phase.ERROR)


def _tell(work: Work, phase: Phase) -> None:
    if work.verb is Verb.SAFETY:
        # Nova does one thing at a time with a server: it is that one's.
        for other in running():
            if (other.verb, other.server) == (Verb.REVERT, work.server):
                other.safety = work.snapshots[0].id
    for describe in _describers:
        with _ignored(work):
            _complete(work, describe)
    for watcher in _watchers:
        with _ignored(work):
            watcher(work, phase)


def _complete(work: Work, describe: Describe) -> None:
    """Before a snapshot is made, and after it is gone, nothing is known."""
    found = {each.id: each for each in describe(
        work.server, [each.id for each in work.snapshots])}
    work.snapshots = [found.get(each.id, each) for each in work.snapshots]


@contextlib.contextmanager
def _ignored(work: Work) -> Iterator[None]:
    try:
        yield
    except Exception:  # the verb is what matters
        LOG.exception('The %(verb)s of snapshots of %(server)s was not told '
                      'to all who watch; it goes on',
                      {'verb': work.verb.value, 'server': work.server})
