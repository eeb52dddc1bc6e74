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

"""The guides' commands and files as their readers take them.

``tests/documents.py`` takes commands apart, to parse them; here each line
stays whole, to be run by a shell. ``tools/guides`` does so, by these::

    python3 -m tests.guides commands PAGE SECTION ITEM [PLACEHOLDER=VALUE...]
    python3 -m tests.guides text PAGE SECTION ITEM LANGUAGE [...]
    python3 -m tests.guides missed FILE

PAGE is seen from ``doc/source``. SECTION is a heading, ITEM the begin of the
line of a list that a block hangs on, or "-" for none; empty, they are all. The
first prints a line for each command, in four columns: where it stands, the
prompt, the command, and why it is left out. The second prints the blocks of a
language. The third reads a file with the places of those that were run, and
prints what is left of the pages (``_FOLLOWED``).
"""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
import dataclasses
import os
import pathlib
import re
import sys
import textwrap

from tests import documents

_ON_OPENSTACK = 'needs a cloud; tests/openstack/test_documents.py runs it'
_TOOLS_TEST = 'the same as a part of tools/test, and takes long'
#: What is not run, page by page, and why. All else is.
_LEFT_OUT = {
    'admin/index.rst': {
        'openstack server snapshot list --all-projects --long':
            _ON_OPENSTACK},
    'admin/uninstall.rst': {
        'openstack server snapshot list --all-projects --long':
            _ON_OPENSTACK,
        'openstack server stop web': _ON_OPENSTACK,
        'openstack server start web': _ON_OPENSTACK,
        'openstack resource provider trait delete PROVIDER':
            'needs a cloud, and its Placement'},
    'install/nova.rst': {
        'openstack resource provider trait list PROVIDER | grep SNAPDRIVER':
            'needs a cloud, and its Placement',
        'glance-manage db_load_metadefs /usr/local/etc/snapdriver/metadefs':
            'is for a host of Glance, with its database',
        'openstack image list --hidden --property snapdriver_beacon_host=HOST':
            'needs a cloud'},
    'user/quickstart.rst': {'openstack': _ON_OPENSTACK},
    'cli/openstack.rst': {'openstack': _ON_OPENSTACK},
    '../../CONTRIBUTING.rst': {
        'tox -e py3': _TOOLS_TEST,
        'tox -e functional': _TOOLS_TEST,
        'tox -e cover': 'the unit tests once more',
        'tox -e benchmarks': 'takes long, and says nothing in a chroot',
        'reno new short-name-of-the-change': 'makes a file to be written'}}
#: Pages of which each command has to be run, or left out with a reason.
_FOLLOWED = (
    'install/packages.rst', 'install/privileges.rst', 'install/nova.rst',
    'user/tutorial.rst', 'admin/index.rst', 'admin/upgrade.rst',
    'admin/uninstall.rst', 'user/quickstart.rst', 'cli/openstack.rst',
    '../../CONTRIBUTING.rst')
#: Transcripts that show how it answers, and are not to be done.
_ANSWERS = ('privilege-missing.txt',)
_DIRECTIVE = re.compile(r'( *)\.\. (code-block|literalinclude):: *(\S*)')
_PROMPT = re.compile(r'([$#]) (?=\S)')


@dataclasses.dataclass(frozen=True)
class Block:
    """A block of a page.

    :ivar headings: the section, those around it first.
    :ivar item: the line of a list, or of definitions, that it hangs on.
    :ivar lines: with their numbers in ``file``.
    """

    file: pathlib.Path
    headings: Sequence[str]
    item: str
    language: str
    lines: Sequence[tuple[int, str]]


@dataclasses.dataclass(frozen=True)
class Command:
    where: str
    prompt: str
    text: str


def blocks(page: str) -> Iterator[Block]:
    """All blocks of a page that have a language, in their order."""
    file = (documents.SOURCE / page).resolve()
    lines = file.read_text().splitlines()
    headings: list[tuple[str, str]] = []
    for place, line in enumerate(lines):
        if place and re.fullmatch(r'([=-])\1{2,}', line) and re.match(
                r'[^=\-\s]', lines[place - 1]):
            outer = [mark for _, mark in headings].index(line[0]) if any(
                mark == line[0] for _, mark in headings) else len(headings)
            headings[outer:] = [(lines[place - 1], line[0])]
        found = _DIRECTIVE.match(line)
        if found is not None:
            yield _block(file, [name for name, _ in headings], lines, place,
                         found)


def _block(file: pathlib.Path, headings: Sequence[str], lines: Sequence[str],
           place: int, found: re.Match[str]) -> Block:
    indent, language = len(found[1]), found[3]
    item = next((line.strip() for line in reversed(lines[:place])
                 if line.strip() and _indent(line) < indent), '')
    content = []
    for number, line in enumerate(lines[place + 1:], place + 2):
        if line.strip() and _indent(line) <= indent:
            break
        content.append((number, line))
    options = [line.strip() for _, line in content
               if line.strip().startswith(':')]
    if found[2] == 'literalinclude':
        root = documents.SOURCE if language[0] == '/' else file.parent
        file = (root / language.lstrip('/')).resolve()
        language = next((option.split()[-1] for option in options
                         if option.startswith(':language:')), 'none')
        content = list(enumerate(file.read_text().splitlines(), 1))
    return Block(file, headings, item, language, content)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _chosen(page: str, section: str, item: str, language: str
            ) -> Iterator[Block]:
    for block in blocks(page):
        if (block.language == language and block.file.name not in _ANSWERS
                and (not section or section in block.headings)
                and (block.item == '' if item == '-'
                     else block.item.startswith(item))):
            yield block


def commands(page: str, section: str = '', item: str = ''
             ) -> Iterator[Command]:
    """What stands behind prompts, each as one line."""
    for block in _chosen(page, section, item, 'console'):
        rest = iter(block.lines)
        for number, line in rest:
            prompt = _PROMPT.match(line.strip())
            if prompt is None:
                continue
            text = line.strip()[2:]
            while text.endswith('\\'):
                text = text[:-1] + next(rest)[1].strip()
            # What follows as a comment explains.
            yield Command(
                f'{os.path.relpath(block.file, documents.REPOSITORY)}:'
                f'{number}', prompt[1], re.sub(r' {2,}# .*', '', text))


def left_out(page: str, command: Command) -> str:
    """Why it is not run; nothing if it is."""
    reasons = _LEFT_OUT.get(page, {})
    return (reasons.get(command.text)
            or reasons.get(command.text.split()[0], ''))


def _with_values(text: str, values: Sequence[str]) -> str:
    for one in values:
        name, _, value = one.partition('=')
        # No backslash of a value is one of the pattern's.
        text = re.sub(rf'(?<![\w-]){name}(?![\w-])',
                      value.replace('\\', r'\\'), text)
    return text


def _print_commands(page: str, section: str, item: str, *values: str) -> int:
    there = {word for command in commands(page)
             for word in (command.text, command.text.split()[0])}
    stale = _LEFT_OUT.get(page, {}).keys() - there
    if stale:
        print(f'{page} has no such command: {sorted(stale)}', file=sys.stderr)
        return 1
    found = list(commands(page, section, item))
    for one in found:
        print(one.where, one.prompt, _with_values(one.text, values),
              left_out(page, one), sep='\t')
    if not found:
        print(f'{page}: no command there: {section} {item}', file=sys.stderr)
    return not found


def _print_text(page: str, section: str, item: str, language: str,
                *values: str) -> int:
    found = list(_chosen(page, section, item, language))
    for block in found:
        text = textwrap.dedent('\n'.join(line for _, line in block.lines))
        print(_with_values(text.strip(), values))
    if not found:
        print(f'{page}: no block there: {section} {item}', file=sys.stderr)
    return not found


def _print_missed(file: str) -> int:
    followed = set(pathlib.Path(file).read_text().splitlines())
    missed = [f'{command.where}: {command.text}' for page in _FOLLOWED
              for command in commands(page)
              if not left_out(page, command) and command.where not in followed]
    print(*missed, sep='\n', end='\n' if missed else '')
    return bool(missed)


_VERBS: dict[str, Callable[..., int]] = {
    'commands': _print_commands, 'text': _print_text, 'missed': _print_missed}

if __name__ == '__main__':
    sys.exit(_VERBS[sys.argv[1]](*sys.argv[2:]))
