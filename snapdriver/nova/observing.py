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


"""What a pass of the reaper has seen, written into the ledger. Pure."""

from collections.abc import Collection
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses

from snapdriver.nova import glance
from snapdriver.nova import ledger as ledgers

_PROOFS = 4  # of the newest, and as many of the oldest
_WITNESSES = 8
_UNWATCHED = 60     # seconds that a pass may be late
_KEPT = 30 * 86400  # seconds that handles of absent servers are remembered


@dataclasses.dataclass(frozen=True)
class Rules:
    """Options, in seconds."""

    grace: float
    interval: float


@dataclasses.dataclass(frozen=True)
class Round:
    """What one pass has seen.

    :ivar began: when it began to read states.
    :ivar identity: who has looked.
    :ivar handles: id of each handle of this host, and its server.
    :ivar read: the servers whose state could be read.
    :ivar old: ids of handles that were made before this process began.
    :ivar recent: what Glance had changed lately, asked *before* the looks.
    :ivar beacon: id of the beacon that was as it was written last, asked
        *after* the looks at the handles; empty if it was not, or if there is
        none.
    :ivar looks: at the handles, their proofs and the witnesses.
    """

    now: float
    began: float
    identity: str
    handles: Mapping[str, str]
    read: Collection[str]
    looks: Mapping[str, glance.Look]
    old: Collection[str] = ()
    recent: Sequence[glance.Look] = ()
    beacon: str = ''

    def is_missing(self, image_id: str) -> bool:
        """Whether it was looked at, and not shown."""
        look = self.looks.get(image_id)
        return look is not None and look.outcome is glance.Outcome.MISSING

    def found(self, image_id: str) -> glance.Look | None:
        """What was seen of it; None if nothing was."""
        look = self.looks.get(image_id)
        if look is not None and look.outcome is glance.Outcome.EXISTS:
            return look
        return None


def wanted(ledger: ledgers.Ledger,
           looks: Mapping[str, glance.Look]) -> set[str]:
    """Ids of what has to be looked at as well: witnesses and proofs."""
    missing = [
        ledger.handles[image_id] for image_id, look in looks.items()
        if image_id in ledger.handles
        and look.outcome is glance.Outcome.MISSING]
    if not missing:
        return set()
    return ({*ledger.witnesses}.union(*(h.proofs for h in missing))
            - looks.keys())


def uncovered(ledger: ledgers.Ledger, seen: Round) -> list[str]:
    """Ids of handles that were seen, and that no beacon covers."""
    beacon = ledger.beacon.image if ledger.beacon.token else None
    return [image_id for image_id in seen.handles
            if seen.found(image_id) is not None
            and image_id in ledger.handles
            and ledger.handles[image_id].beacon != beacon]


def observe(ledger: ledgers.Ledger, seen: Round, rules: Rules
            ) -> tuple[bool, list[str]]:
    """Write it into the ledger.

    :returns: whether there is a witness; ids of handles that a process which
        was killed has left without content.
    """
    _forget_absent(ledger, seen)
    witness = _witness(ledger, seen)
    unfinished: list[str] = []
    ledger.passes.handles, ledger.passes.unreapable = len(seen.handles), []
    for image_id, server in seen.handles.items():
        look = seen.found(image_id)
        if image_id in ledger.doomed:
            continue  # its server is going
        if look is not None and look.status in glance.UNFILLED and (
                image_id not in ledger.handles):
            # It is being filled; or was, by a process that was killed.
            if image_id in seen.old:
                unfinished.append(image_id)
        elif look is not None:
            _exists(ledger, seen, server, look)
        elif image_id not in ledger.handles:
            ledger.passes.unreapable.append(image_id)
        elif seen.is_missing(image_id):
            _missing(ledger.handles[image_id], seen, rules, witness)
    ledger.witnesses = list(dict.fromkeys([
        *(look.id for look in [*seen.recent, *seen.looks.values()]
          if look.foreign), *ledger.witnesses]))[:_WITNESSES]
    return witness, unfinished


def _forget_absent(ledger: ledgers.Ledger, seen: Round) -> None:
    for image_id, handle in list(ledger.handles.items()):
        if image_id not in seen.handles and (
                handle.instance in seen.read
                and handle.last_seen_at < seen.began
                or seen.now - handle.last_seen_at > _KEPT):
            ledger.forget(image_id)


def _witness(ledger: ledgers.Ledger, seen: Round) -> bool:
    """Whether an image that was known before shows that we see all."""
    known = {*ledger.witnesses, *ledger.handles}.union(
        *(handle.proofs for handle in ledger.handles.values()))
    return any(look.foreign and image_id in known
               for image_id, look in seen.looks.items())


def _exists(ledger: ledgers.Ledger, seen: Round, server: str,
            look: glance.Look) -> None:
    record(ledger, seen.identity, server, look, seen.now)
    handle = ledger.handles[look.id]
    # Beacons, ours or another host's, are never active: their times change
    # all the time.
    fresh = {other.id: time for other in seen.recent
             if other.id != look.id and other.status == 'active'
             and (time := _later(other, look.created_at))}
    # Images of long ago are seldom touched, and new ones are soon deleted:
    # some of both.
    older = [item for item in handle.proofs.items() if item[0] not in fresh]
    handle.proofs = dict([*fresh.items()][:_PROOFS] + older[-_PROOFS:])


def record(ledger: ledgers.Ledger, identity: str, server: str,
           look: glance.Look, now: float) -> None:
    """It was seen: whatever was thought of it before is void."""
    before = ledger.handles.get(look.id)
    same = before is not None and before.identity == identity
    ledger.forget(look.id)
    ledger.handles[look.id] = ledgers.Handle(
        instance=server, identity=identity, owner=look.owner,
        created_at=look.created_at,
        seen_at=before.seen_at if before is not None and same else now,
        last_seen_at=now,
        proofs=before.proofs if before is not None and same else {},
        beacon=before.beacon if before is not None and same else '')


def _missing(handle: ledgers.Handle, seen: Round, rules: Rules,
             witness: bool) -> None:
    if handle.identity != seen.identity:
        return
    now = seen.now
    if handle.vanished_at is None:
        handle.vanished_at = now
    if not witness:
        handle.missing_since = handle.missing_at = None
        handle.misses, handle.proven = 0, False
        return
    if handle.missing_since is None or handle.missing_at is None:
        handle.missing_since = now
    else:
        # What nobody watched does not count: we were down, or the clock was
        # set. Nor can it go back.
        passed = now - handle.missing_at
        watched = min(max(passed, 0), 2 * rules.interval + _UNWATCHED)
        handle.missing_since += passed - watched
    handle.missing_at = now
    handle.misses += 1
    handle.proven = handle.proven or _is_proven(handle, seen)


def _is_proven(handle: ledgers.Handle, seen: Round) -> bool:
    """Whether it is missing in a database that is not older than it."""
    if handle.beacon and handle.beacon == seen.beacon:
        return True
    return any(
        time and time in (other.created_at, other.updated_at)
        for image_id, time in handle.proofs.items()
        if (other := seen.found(image_id)) is not None)


def _later(look: glance.Look, created_at: str) -> str | None:
    """A time of an image that is after that one.

    When it was made, if it is, as that never changes; else when it was
    changed. Glance's times sort as texts.
    """
    return next((time for time in (look.created_at, look.updated_at)
                 if created_at and time > created_at), None)
