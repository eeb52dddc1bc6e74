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

"""Every command that the documents show is one that there is.

They are parsed here, by the parsers of the commands themselves, and not run:
that is done by ``tests/openstack/test_documents.py`` and ``test_client.py``,
``tests/functional`` and ``tools/demo``.
"""

from collections.abc import Sequence
import contextlib
import functools
from importlib import metadata
import io
import os
import re
import types
from typing import Any

from cliff import commandmanager
from oslo_config import cfg
from oslo_upgradecheck import upgradecheck
import testtools

from snapdriver.cli import app as application
from snapdriver.cli import errors
from snapdriver.status import main as status
from tests import documents

#: What they may show besides commands of OpenStack and of this repository.
_OTHERS = frozenset({
    'adduser', 'apt', 'chmod', 'cp', 'echo', 'eval', 'export',
    'glance-manage', 'grep', 'install', 'kill', 'ln', 'ls', 'mv', 'pip',
    'pre-commit', 'python3', 'qemu-img', 'reno', 'rm', 'sed', 'sort',
    'systemctl', 'tail', 'tar', 'tox', 'virsh'})
#: In the text; what is in capitals, and all after it, is left to the reader.
_MENTIONED = re.compile(r'``(snapdriver|openstack) ([a-z]+(?:\s[a-z-]+)*)')
#: The name of an image.
_NO_COMMAND = re.compile('snapdriver beacon')


class Wrong(Exception):
    """The command does not take these words."""


def _parse(parser: Any, words: Sequence[str]) -> None:
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            parser.parse_args(list(words))
    except SystemExit as stop:
        if stop.code:
            raise Wrong(said.getvalue().strip()) from None


def _snapdriver(words: Sequence[str]) -> None:
    app = application.App()
    wanted, rest = app.parser.parse_known_args(list(words))
    if wanted.version:
        return
    try:
        factory, name, rest = app.command_manager.find_command(rest)
    except ValueError as error:
        raise Wrong(str(error)) from None
    try:
        _parse(factory(app, wanted, cmd_name=name).get_parser(name), rest)
    except errors.UsageError as error:
        raise Wrong(str(error)) from None


def _status(words: Sequence[str]) -> None:
    conf = cfg.ConfigOpts()
    upgradecheck.register_cli_options(conf, status.Checks(lambda: None))
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            conf([os.devnull if word == 'FILE' else word for word in words],
                 default_config_files=[])
    except SystemExit:
        raise Wrong(said.getvalue().strip()) from None
    if conf.command.check != 'check':
        raise Wrong(f'"{conf.command.check}" is not "check"')


@functools.cache
def _openstack_commands() -> commandmanager.CommandManager:
    """Those of OpenStackClient, and ours."""
    found, *rest = sorted(
        group for group in metadata.entry_points().groups
        if re.fullmatch(r'openstack\.(common|(?!cli\.).+\.v\d+)', group))
    manager = commandmanager.CommandManager(found)
    for group in rest:
        manager.add_command_group(group)
    return manager


def _openstack(words: Sequence[str]) -> None:
    try:
        factory, name, rest = _openstack_commands().find_command(list(words))
    except ValueError as error:
        raise Wrong(str(error)) from None
    app = types.SimpleNamespace(client_manager=None)
    _parse(factory(app, None).get_parser(name), rest)


_PARSERS = {'snapdriver': _snapdriver, 'snapdriver-status': _status,
            'openstack': _openstack}


class DocumentsTest(testtools.TestCase):
    def test_commands_are_what_they_take(self) -> None:
        wrong = []
        for command in documents.everywhere():
            parse = _PARSERS.get(command.program)
            if parse is None or command.misused:
                continue
            try:
                parse(command.words[1:])
            except Wrong as error:
                wrong.append(f'{command.where}: {" ".join(command.words)}: '
                             f'{error}')
        self.assertEqual([], wrong)

    def test_mistakes_that_are_shown_are_mistakes(self) -> None:
        shown = [command for command in documents.everywhere()
                 if command.misused]
        self.assertEqual({'snapdriver'}, {one.program for one in shown})
        for command in shown:
            self.assertRaises(Wrong, _snapdriver, command.words[1:])

    def test_a_mistake_is_found(self) -> None:
        for parse, line in (
                (_snapdriver, 'snapshot list web --tale'),
                (_snapdriver, 'snapshot lst web'),
                (_snapdriver, 'snapshot create web s1 --kind'),
                (_status, 'upgrade chek'),
                (_status, 'upgrade check --jsn'),
                (_openstack, 'server snapshot create --paylod disk web s1'),
                (_openstack, 'server snapshot mend web s1'),
                (_openstack, 'server rebuild --imag x web y')):
            self.assertRaises(Wrong, parse, line.split())

    def test_programs_are_there(self) -> None:
        unknown = []
        for command in documents.everywhere():
            program = command.program
            if not (os.access(documents.REPOSITORY / program, os.X_OK)
                    if program.startswith('tools/')
                    else program in _OTHERS | _PARSERS.keys()):
                unknown.append(f'{command.where}: {program}')
        self.assertEqual([], unknown)

    def test_parts_of_tools_are_there(self) -> None:
        """What the head of a script says that it can be told to do."""
        unknown = []
        for command in documents.everywhere():
            if command.program in ('tools/test', 'tools/openstack'):
                head = (documents.REPOSITORY / command.program
                        ).read_text().partition('\nset -')[0]
                part = (*command.words, 'up')[1]
                if not re.search(rf'^#.*\b{re.escape(part)}\b', head,
                                 re.MULTILINE):
                    unknown.append(f'{command.where}: {part}')
            elif command.words[:2] == ['tox', '-e']:
                heads = (documents.REPOSITORY / 'tox.ini').read_text()
                name = command.words[2]
                if name != 'py3' and f'[testenv:{name}]' not in heads:
                    unknown.append(f'{command.where}: {name}')
        self.assertEqual([], unknown)

    def test_commands_in_the_text_are_there(self) -> None:
        groups = {'snapdriver': application.App().command_manager,
                  'openstack': _openstack_commands()}
        unknown, found = [], 0
        for page in documents.pages():
            for mention in _MENTIONED.finditer(page.read_text()):
                if _NO_COMMAND.match(' '.join(mention.groups())):
                    continue
                found += 1
                words = mention[2].split()
                names = [name for name, _ in groups[mention[1]]]
                if not any(_begins(words, name.split()) for name in names):
                    unknown.append(f'{page.name}: {mention[0]}')
        self.assertEqual([], unknown)
        self.assertLess(40, found)

    def test_every_room_is_on_the_map(self) -> None:
        """But those whose files are commands or checks, one each."""
        told = (documents.SOURCE / 'contributor' / 'internals.rst').read_text()
        house = documents.REPOSITORY / 'snapdriver'
        found = [
            file.relative_to(house) for room in (
                '', 'backends', 'nova', 'nova/watching')
            for file in sorted((house / room).glob('[a-z]*.py'))]
        self.assertEqual([], [
            str(file) for file in found
            if not re.search(rf'[`.]{file.stem}``', told)])
        self.assertLess(80, len(found))

    def test_enough_of_them_is_found(self) -> None:
        found = [one.program for one in documents.everywhere()]
        for program, least in (('snapdriver', 90), ('openstack', 30),
                               ('snapdriver-status', 2), ('tools/test', 10)):
            self.assertLess(least, found.count(program), program)


def _begins(words: Sequence[str], name: Sequence[str]) -> bool:
    """Whether a command is named, or a group of commands."""
    length = min(len(words), len(name))
    return list(words[:length]) == list(name[:length])
