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

"""Drawing the snapshots of a server as a tree.

::

    web
    ├── before-upgrade      external  3 h    quiesced
    │   └── after-upgrade   external  2 h    crash-consistent
    └── golden              internal  5 min  memory
"""

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import datetime

from snapdriver.cli import columns
from snapdriver.osc import snapshot as snapshots

_UNICODE = ('├── ', '└── ', '│   ', '    ')
_ASCII = ('|-- ', '`-- ', '|   ', '    ')


def draw(heading: str, found: Sequence[snapshots.Snapshot],
         encoding: str | None, now: float) -> Iterator[str]:
    """The lines; siblings in the order that they are given in.

    :param encoding: the terminal's.
    :param now: what ages are counted from.
    """
    rows = [(lead + one.name, one.kind, _age(one, now),
             one.consistency + (', safety' if one.safety else ''))
            for lead, one in _walk(found, _signs(encoding))]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    yield heading
    for row in rows:
        yield '  '.join(cell.ljust(width) for cell, width
                        in zip(row, widths, strict=True)).rstrip()


def _walk(found: Sequence[snapshots.Snapshot], signs: tuple[str, ...]
          ) -> Iterator[tuple[str, snapshots.Snapshot]]:
    """Each snapshot after its parent, with the lines that lead to it."""
    fork, last, along, blank = signs
    known = {one.id: one for one in found}
    children: dict[str | None, list[snapshots.Snapshot]] = {}
    for one in found:
        children.setdefault(_parent(one, known), []).append(one)
    waiting = [('', children.get(None, []))]
    while waiting:
        indent, siblings = waiting.pop()
        if not siblings:
            continue
        one, *others = siblings
        yield indent + (fork if others else last), one
        waiting.append((indent, others))
        waiting.append((indent + (along if others else blank),
                        children.get(one.id, [])))


def _parent(one: snapshots.Snapshot,
            known: Mapping[str, snapshots.Snapshot]) -> str | None:
    """The id of an older one that is there: handles may not make a circle."""
    parent = known.get(one.parent or '')
    return (parent.id if parent is not None
            and parent.frozen_at < one.frozen_at else None)


def _signs(encoding: str | None) -> tuple[str, ...]:
    try:
        ''.join(_UNICODE).encode(encoding or 'ascii')
    except (UnicodeEncodeError, LookupError):
        return _ASCII
    return _UNICODE


def _age(one: snapshots.Snapshot, now: float) -> str:
    try:
        frozen = datetime.datetime.fromisoformat(one.frozen_at)
    except ValueError:
        return ''
    return columns.human_age(now - frozen.timestamp())
