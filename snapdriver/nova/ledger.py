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


"""What the reaper has to remember of this host's handles.

It is what a deletion rests on, so that it lives longer than nova-compute: in
``<state_path>/snapdriver/handles.json``, replaced atomically, changed under a
lock by nova-compute and by the command ``snapdriver reaper``. Losing it is
safe: a handle that is not in it is never taken for deleted.
"""

import dataclasses
import json
import types
import typing
from typing import Any
from typing import TypeVar

SCHEMA = 1
_T = TypeVar('_T')


@dataclasses.dataclass
class Handle:
    """A handle that Glance has shown us.

    :ivar instance: UUID of the server.
    :ivar identity: who has seen it, and where: see
        :class:`snapdriver.nova.glance.Connection`.
    :ivar owner: the project that it belongs to.
    :ivar created_at: as Glance tells it.
    :ivar seen_at: when it was first seen by that identity.
    :ivar last_seen_at: when it was seen last.
    :ivar proofs: ids of images that Glance has shown beside it, and when they
        were made or changed, all after it was made: a database from before
        it does not know them so.
    :ivar beacon: id of the beacon that covers it; empty if none does.
    :ivar vanished_at: when it was first answered by 404, since it was seen.
    :ivar missing_since: since when it has been found missing while a witness
        was found; None if it has not.
    :ivar missing_at: when it was found so last.
    :ivar misses: in how many passes it was found so.
    :ivar proven: that it was missing in a database that is not older.
    :ivar crowded: that too many others vanished about the same time.
    """

    instance: str
    identity: str
    owner: str
    created_at: str
    seen_at: float
    last_seen_at: float
    proofs: dict[str, str] = dataclasses.field(default_factory=dict)
    vanished_at: float | None = None
    missing_since: float | None = None
    missing_at: float | None = None
    misses: int = 0
    proven: bool = False
    crowded: bool = False
    beacon: str = ''


@dataclasses.dataclass
class Beacon:
    """What is known of this host's beacon; empty texts if there is none.

    See :mod:`snapdriver.nova.beacon`.

    :ivar image: its id, or the one that it is to get.
    :ivar token: the token that was written last, as Glance has shown.
    :ivar before: the one that was written before.
    :ivar slot: in which of its properties the last one is.
    :ivar writing: the one that may have been written since.
    :ivar written_at: as Glance tells it.
    :ivar error: why it could not be used or made.
    """

    image: str = ''
    token: str = ''
    before: str = ''
    slot: int = 0
    writing: str = ''
    written_at: str = ''
    error: str = ''


@dataclasses.dataclass
class Doomed:
    """A handle whose server is gone: to be deleted from Glance.

    :ivar identity: who has seen it; None if nobody has.
    :ivar error: why it could not be deleted yet.
    """

    instance: str
    since: float
    identity: str | None = None
    error: str | None = None


@dataclasses.dataclass
class Passes:
    """How the last pass went, and counts since the ledger was begun.

    :ivar handles: how many handles this host had.
    :ivar unreapable: ids of those of them that these credentials have never
        seen.
    :ivar waiting: ids of missing ones, and why they are not deleted yet.
    :ivar unconfirmed: ids of those that nobody but the operator can tell to
        be deleted, and why.
    """

    last_at: float | None = None
    last_result: str = 'there was none yet'
    last_success_at: float | None = None
    handles: int = 0
    unreapable: list[str] = dataclasses.field(default_factory=list)
    waiting: dict[str, str] = dataclasses.field(default_factory=dict)
    unconfirmed: dict[str, str] = dataclasses.field(default_factory=dict)
    reaped: int = 0
    merged: int = 0
    undoomed: int = 0


@dataclasses.dataclass
class Ledger:
    """All of it.

    :ivar handles: image id to what is known of it.
    :ivar doomed: image id to what is known of it.
    :ivar merge_after: UUID of a server to the time before which the layers
        that its deleted snapshots left behind are not merged.
    :ivar witnesses: ids of images of other projects that were seen in the
        last pass.
    :ivar confirmed: ids that the operator says are deleted.
    :ivar beacon: our own image that shows how old Glance's database is.
    """

    paused: bool = False
    handles: dict[str, Handle] = dataclasses.field(default_factory=dict)
    doomed: dict[str, Doomed] = dataclasses.field(default_factory=dict)
    merge_after: dict[str, float] = dataclasses.field(default_factory=dict)
    witnesses: list[str] = dataclasses.field(default_factory=list)
    confirmed: list[str] = dataclasses.field(default_factory=list)
    passes: Passes = dataclasses.field(default_factory=Passes)
    beacon: Beacon = dataclasses.field(default_factory=Beacon)

    def forget(self, image_id: str) -> None:
        """It is deleted, or is no handle of this host any more."""
        self.handles.pop(image_id, None)
        if image_id in self.confirmed:
            self.confirmed.remove(image_id)


def dumps(ledger: Ledger) -> bytes:
    document = {'schema': SCHEMA} | dataclasses.asdict(ledger)
    return json.dumps(document, indent=1).encode() + b'\n'


def loads(raw: bytes) -> Ledger:
    """:raises ValueError: it is not what :func:`dumps` has written."""
    try:
        document = json.loads(raw)
        if document.pop('schema') != SCHEMA:
            raise ValueError('it has another schema')
        return _made(Ledger, document)
    except (TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ValueError(f'it has been edited ({error})') from error


def _made(cls: type[_T], document: dict[str, Any]) -> _T:
    hints = typing.get_type_hints(cls)
    return cls(**{key: _value(hints[key], value)
                  for key, value in document.items()})


def _value(hint: Any, value: Any) -> Any:
    """The value, if it is of that type.

    :raises TypeError: it is not.
    """
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin is types.UnionType:
        return None if value is None else _value(inner[0], value)
    if origin is dict and isinstance(value, dict):
        return {key: _value(inner[1], item) for key, item in value.items()}
    if origin is list and isinstance(value, list):
        return [_value(inner[0], item) for item in value]
    if dataclasses.is_dataclass(hint) and isinstance(value, dict):
        return _made(typing.cast(type[Any], hint), value)
    if type(value) is hint or (hint is float and type(value) is int):
        return value
    raise TypeError(f'{value!r} is out of place')
