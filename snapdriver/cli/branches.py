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

"""Drawing anything that has parents as a tree, with columns beside it.

::

    web
    ├── a          external  4 min
    │   ├── b *    external  3 min
    │   │   └── c  internal  2 min
    │   └── d      external  1 min
    └── e          external  1 s

Nothing here knows what it draws: the command and the client share it.
"""

from collections.abc import Iterator
from collections.abc import Sequence
import dataclasses
import unicodedata

from snapdriver.cli import screen as screens

# A child with siblings below it, the last child, and what leads past them.
_Signs = tuple[str, str, str, str]
_UNICODE: _Signs = ('├── ', '└── ', '│   ', '    ')
_ASCII: _Signs = ('|-- ', '`-- ', '|   ', '    ')
_UNICODE_NARROW: _Signs = ('├ ', '└ ', '│ ', '  ')
_ASCII_NARROW: _Signs = ('|-', '`-', '| ', '  ')
_GAP = '  '
_HEADING, _LINES, _CURRENT, _FAINT = '1', '2', '1;32', '2'


@dataclasses.dataclass(frozen=True, slots=True)
class Node:
    """One line.

    :ivar parent: id of the node that it hangs below; a root if there is
        none of that id.
    :ivar cells: what stands beside its name; of all nodes as many.
    :ivar current: gets a star.
    """

    id: str
    name: str
    parent: str | None
    cells: tuple[str, ...]
    current: bool = False
    faint: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class _Row:
    lead: str
    node: Node

    @property
    def name(self) -> str:
        return _printable(self.node.name) + (' *' if self.node.current else '')

    def texts(self, columns: int) -> list[str]:
        return [self.lead + self.name,
                *map(_printable, self.node.cells[:columns])]


def draw(heading: str, nodes: Sequence[Node],
         screen: screens.Screen) -> Iterator[str]:
    """The lines; siblings in the order that they are given in.

    Where they are too long for the screen, first the branches become
    narrower, then columns are left out, the last first. Names stay whole, as
    people need them for the next command.
    """
    yield screen.styled(_printable(heading), _HEADING)
    rows, widths = _fit(nodes, screen)
    for row in rows:
        yield _line(row, widths, screen)


def _fit(nodes: Sequence[Node], screen: screens.Screen
         ) -> tuple[list[_Row], list[int]]:
    """The rows, and the widths of the columns that there is room for."""
    wide, narrow = ((_UNICODE, _UNICODE_NARROW)
                    if screen.can_show(''.join(_UNICODE))
                    else (_ASCII, _ASCII_NARROW))
    rows, columns = _walk(nodes, wide), len(nodes[0].cells) if nodes else 0
    widths = _widths(rows, columns)
    if screen.width and _total(widths) > screen.width:
        rows = _walk(nodes, narrow)
        widths = _widths(rows, columns)
        while len(widths) > 1 and _total(widths) > screen.width:
            widths.pop()
    return rows, widths


def _widths(rows: Sequence[_Row], columns: int) -> list[int]:
    texts = [row.texts(columns) for row in rows]
    return [max(map(_columns, column))
            for column in zip(*texts, strict=True)]


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + len(_GAP) * max(0, len(widths) - 1)


def _line(row: _Row, widths: Sequence[int], screen: screens.Screen) -> str:
    texts = row.texts(len(widths) - 1)
    padded = _GAP.join(
        text + ' ' * (width - _columns(text))
        for text, width in zip(texts, widths, strict=True)).rstrip()
    rest = padded[len(texts[0]):]
    faint = _FAINT if row.node.faint else ''
    return (screen.styled(row.lead, _LINES)
            + screen.styled(row.name,
                            _CURRENT if row.node.current else faint)
            + screen.styled(rest, faint))


def _walk(nodes: Sequence[Node], signs: _Signs) -> list[_Row]:
    """Each node after its parent, with the lines that lead to it."""
    fork, last, along, blank = signs
    known = {node.id for node in nodes}
    children: dict[str | None, list[Node]] = {}
    for node in nodes:
        parent = node.parent if node.parent in known else None
        children.setdefault(parent, []).append(node)
    rows, waiting = [], [('', children.get(None, []), 0)]
    while waiting:
        indent, siblings, place = waiting.pop()
        if place == len(siblings):
            continue
        node, is_last = siblings[place], place + 1 == len(siblings)
        rows.append(_Row(indent + (last if is_last else fork), node))
        waiting.append((indent, siblings, place + 1))
        waiting.append((indent + (blank if is_last else along),
                        children.get(node.id, []), 0))
    return rows


def _printable(text: str) -> str:
    """Without what moves a cursor: an image's name may be anything."""
    return text if text.isprintable() else ''.join(
        char if char.isprintable() else ascii(char)[1:-1] for char in text)


def _columns(text: str) -> int:
    """How many columns a terminal needs for it."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(char) else
               2 if unicodedata.east_asian_width(char) in 'WF' else 1
               for char in text)
