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

"""The language of Graphviz: escaping, and statements. Pure.

Characters that the language gives a meaning are written as entities, so that
nothing that a text holds is ever markup or the end of a string. A backslash
cannot be: Graphviz reads entities first, and then takes ``\\N`` for the name
of the node, once in labels, twice in tooltips. Another character is put there
that looks the same.
"""

from collections.abc import Iterable

_ENTITIES = str.maketrans({
    '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', '\\': '\u2216'})
# Graphviz gives up at 16,384 bytes, when this is escaped.
_LONGEST = 1000


def escaped(text: str) -> str:
    """A text in one line, for a label in angle brackets or for quotes.

    White space is one blank, what cannot be printed is shown as Python
    writes it, and what is very long is shortened.
    """
    return ''.join(char if char.isprintable() else ascii(char)[1:-1]
                   for char in shortened(text, _LONGEST)).translate(_ENTITIES)


def shortened(text: str, longest: int) -> str:
    """The beginning of a text, if it is longer than that."""
    line = ' '.join(text.split())
    return line if len(line) <= longest else line[:longest - 3] + '...'


def bold(text: str) -> str:
    return f'<B>{escaped(text)}</B>'


def italic(text: str) -> str:
    return f'<I>{escaped(text)}</I>'


def lines(*parts: str) -> str:
    """A label of several lines, which are escaped already."""
    return '<' + '<BR/>'.join(part for part in parts if part) + '>'


def cells(*rows: str) -> str:
    """A label of several table rows."""
    return ('<<TABLE BORDER="0" CELLSPACING="3" CELLPADDING="2">'
            + ''.join(f'<TR>{row}</TR>' for row in rows) + '</TABLE>>')


def node(identity: str, label: str, **attributes: str) -> str:
    """A node's statement.

    :param label: from :func:`lines` or :func:`cells`; all other values are
        texts.
    """
    return f'{_quoted(identity)} [label={label}{_rest(attributes)}];'


def edge(tail: str, head: str, port: str = '', **attributes: str) -> str:
    """An edge's statement; a port is a cell of the head's label."""
    at = f':{_quoted(port)}' if port else ''
    return (f'{_quoted(tail)} -> {_quoted(head)}{at} '
            f'[{_rest(attributes).removeprefix(", ")}];')


def defaults(what: str, **attributes: str) -> str:
    """What holds for all that follow: ``graph``, ``node``, or ``edge``."""
    return f'{what} [{_rest(attributes).removeprefix(", ")}];'


def block(head: str, statements: Iterable[str]) -> list[str]:
    """Statements in braces, indented."""
    return [f'{head} {{', *(f'  {line}' for line in statements), '}']


def subgraph(name: str, statements: Iterable[str]) -> list[str]:
    return block(f'subgraph {_quoted(name)}', statements)


def _rest(attributes: dict[str, str]) -> str:
    return ''.join(f', {name}={_quoted(value)}'
                   for name, value in attributes.items())


def _quoted(text: str) -> str:
    return f'"{escaped(text)}"'
