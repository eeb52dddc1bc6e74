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

"""The commands that the documents show, read out of them.

They stand behind a prompt, ``$`` or ``#``, in blocks that are a console's, and
in the transcripts that pages include.
"""

from collections.abc import Iterator
from collections.abc import Sequence
import dataclasses
import pathlib
import re
import shlex

REPOSITORY = pathlib.Path(__file__).parents[1]
SOURCE = REPOSITORY / 'doc' / 'source'
_PAGES = ('README.rst', 'CONTRIBUTING.rst', 'HACKING.rst')
_DIRECTIVE = re.compile(r'^( *)\.\. ([a-z-]+)::(?: +(\S+))?')
_PROMPT = re.compile(r'^ *[$#] (?=\S)')
#: What parts two commands of one line.
_BETWEEN = frozenset({'|', '||', '&&', ';'})
#: After a mistake in the command line the command says where its help is.
_MISUSED = re.compile(r'^snapdriver.*(?:is no command; |; see "snapdriver )')


@dataclasses.dataclass(frozen=True)
class Command:
    """One command of one line.

    :ivar where: file and line, for people.
    :ivar words: without the prompt, pipes and comments; words that are to be
        replaced stand in capitals.
    :ivar misused: it shows how a mistake is answered.
    """

    where: str
    words: Sequence[str]
    misused: bool = False

    @property
    def program(self) -> str:
        """Without its directory, unless that is one of the repository's."""
        word = self.words[0]
        return word if word.startswith('tools/') else word.rpartition('/')[2]


def pages() -> Sequence[pathlib.Path]:
    """All documents that people read."""
    return [*(REPOSITORY / name for name in _PAGES),
            *sorted(SOURCE.rglob('*.rst'))]


def everywhere() -> Iterator[Command]:
    """Every command of every page and transcript."""
    for page in pages():
        yield from of_page(page)
    for transcript in sorted(SOURCE.rglob('session/*.txt')):
        yield from _commands(transcript, list(enumerate(
            transcript.read_text().splitlines(), 1)))


def of_page(page: pathlib.Path, section: str | None = None
            ) -> Iterator[Command]:
    """The commands of a page, or of one of its sections, in their order.

    :param section: its heading, which is underlined by ``=``.
    """
    lines = list(enumerate(page.read_text().splitlines(), 1))
    if section is not None:
        begin = next(number for number, line in lines if line == section
                     and set(lines[number][1]) == {'='})
        lines = lines[begin + 1:]
        end = next((place for place, (_, line) in enumerate(lines)
                    if line and set(line) == {'='}), None)
        lines = lines if end is None else lines[:end - 1]
    yield from _commands(page, list(_of_consoles(lines)))


def _of_consoles(lines: Sequence[tuple[int, str]]
                 ) -> Iterator[tuple[int, str]]:
    """The lines of blocks that show a console.

    A block without a language, as README.rst has them, may be one; its
    comments look like root's prompt.
    """
    language, indent = 'text', -1
    for number, line in lines:
        if line.strip() and len(line) - len(line.lstrip()) <= indent:
            language, indent = 'text', -1
        found = _DIRECTIVE.match(line)
        if found is not None and found[2] == 'code-block':
            language, indent = found[3], len(found[1])
        elif found is None and line.endswith('::'):
            language, indent = 'plain', len(line) - len(line.lstrip())
        elif language == 'console' or (
                language == 'plain' and line.lstrip().startswith('$ ')):
            yield number, line


def _commands(file: pathlib.Path, lines: Sequence[tuple[int, str]]
              ) -> Iterator[Command]:
    name = file.relative_to(REPOSITORY)
    rest = iter(range(len(lines)))
    for place in rest:
        number, line = lines[place]
        if not _PROMPT.match(line):
            continue
        line = _PROMPT.sub('', line)
        while line.endswith('\\'):
            place = next(rest)
            line = line[:-1] + lines[place][1].strip()
        after = lines[place + 1][1] if place + 1 < len(lines) else ''
        for words in _split(line):
            yield Command(f'{name}:{number}', words,
                          bool(_MISUSED.match(after)))


def _split(line: str) -> Iterator[Sequence[str]]:
    """The commands of one line, in words.

    What follows two blanks explains; what is in brackets may be left out.
    """
    lexer = shlex.shlex(re.split(r' {2,}', line)[0], posix=True,
                        punctuation_chars='|&;')
    lexer.whitespace_split = True
    words: list[str] = []
    for word in [*lexer, ';']:
        if word not in _BETWEEN:
            words.append(_without_brackets(word))
        elif words:
            yield _without_xargs(words)
            words = []


def _without_brackets(word: str) -> str:
    word = word.removeprefix('[')
    return word if '[' in word else word.removesuffix(']')


def _without_xargs(words: list[str]) -> Sequence[str]:
    """What it runs, with one word that it would have read."""
    if words[:4] == ['xargs', '-r', '-n', '1']:
        return [*words[4:], 'WORD']
    return words
