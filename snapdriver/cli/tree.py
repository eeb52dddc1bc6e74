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

"""Drawing snapshots as a tree.

::

    web
    └── clean         196.6 KiB  2 d    offline
        ├── before    1.2 MiB    3 h    quiesced
        └── after *   12.0 MiB   5 min  crash-consistent
"""

from collections.abc import Iterator
from collections.abc import Sequence
import datetime

from snapdriver import model
from snapdriver.cli import columns

_UNICODE = ('├── ', '└── ', '│   ', '    ')
_ASCII = ('|-- ', '`-- ', '|   ', '    ')


def draw(heading: str, infos: Sequence[model.SnapshotInfo],
         encoding: str | None, now: float) -> Iterator[str]:
    """The lines; the current snapshot has a star.

    :param encoding: the terminal's.
    :param now: what ages are counted from.
    """
    rows = [(lead + info.name + (' *' if info.current else ''),
             columns.human_size(info.size), _age(info, now),
             info.consistency + (', safety' if info.safety else ''))
            for lead, info in _walk(infos, _signs(encoding))]
    widths = [max(map(len, column), default=0) for column
              in zip(*rows, strict=True)]
    yield heading
    for row in rows:
        yield '  '.join(cell.ljust(width) for cell, width
                        in zip(row, widths, strict=True)).rstrip()


def _walk(infos: Sequence[model.SnapshotInfo], signs: tuple[str, ...]
          ) -> Iterator[tuple[str, model.SnapshotInfo]]:
    """Each snapshot after its parent, with the lines that lead to it."""
    names = {info.name for info in infos}
    children: dict[str | None, list[model.SnapshotInfo]] = {}
    for info in infos:
        parent = info.parent if info.parent in names else None
        children.setdefault(parent, []).append(info)
    fork, last, along, blank = signs
    waiting = [('', children.get(None, []))]
    while waiting:
        indent, siblings = waiting.pop()
        if not siblings:
            continue
        info, *others = siblings
        yield indent + (fork if others else last), info
        waiting.append((indent, others))
        waiting.append((indent + (along if others else blank),
                        children.get(info.name, [])))


def _signs(encoding: str | None) -> tuple[str, ...]:
    try:
        ''.join(_UNICODE).encode(encoding or 'ascii')
    except (UnicodeEncodeError, LookupError):
        return _ASCII
    return _UNICODE


def _age(info: model.SnapshotInfo, now: float) -> str:
    frozen = datetime.datetime.fromisoformat(info.frozen_at)
    return columns.human_age(now - frozen.timestamp())
