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

"""The application: global options, and finding the command."""

import argparse
import functools
from importlib import metadata
import itertools
from typing import Any

from cliff import app
from cliff import commandmanager
from cliff import help as cliff_help

from snapdriver.cli import errors
from snapdriver.cli import parsers
from snapdriver.cli import session

_DESCRIPTION = ('Snapshots of libvirt domains: disks, and memory, that can '
                'be reverted to.')


class App(app.App):
    """The command ``snapdriver``; :mod:`snapdriver.cli.main` runs it.

    :param connection: an open libvirt connection; by default one is opened
        when a command needs it.
    """

    NAME = 'snapdriver'

    def __init__(self, connection: Any = None) -> None:
        self._connection = connection
        self.options = argparse.Namespace(debug=False)
        super().__init__(
            _DESCRIPTION, None,
            commandmanager.CommandManager('snapdriver.cli'))

    def build_option_parser(
            self, description: str | None, version: str | None,
            argparse_kwargs: dict[str, Any] | None = None
    ) -> argparse.ArgumentParser:
        parser = parsers.shorten(argparse.ArgumentParser(
            prog=self.NAME, description=description, add_help=False,
            allow_abbrev=False))
        parser.add_argument(
            '--connect', metavar='URI',
            help='The libvirt connection; by default option connection_uri.')
        parser.add_argument(
            '--config-file', metavar='FILE', action='append', default=[],
            help='Read this configuration instead of the usual ones, such '
                 'as /etc/snapdriver/snapdriver.conf. Can be repeated; '
                 'later files win.')
        parser.add_argument(
            '--instances-path', metavar='DIRECTORY',
            help='Where to look for the state of domains that libvirt does '
                 'not know; by default option instances_path.')
        parser.add_argument(
            '--nova-aware', action='store_true',
            help='Revert and settle OpenStack Nova\'s instances even where '
                 'Nova may interfere.')
        _add_output_options(parser)
        return parser

    @functools.cached_property
    def session(self) -> session.Session:
        """The configuration, the connection and the manager."""
        return session.Session(self.options, self._connection, self.stderr)

    def run(self, argv: list[str]) -> int:
        """Run a command; every error is raised."""
        self.options, rest = self.parser.parse_known_args(argv)
        if self.options.version:
            self.stdout.write(f'{self.NAME} {_version()}\n')
            return 0
        if self.options.help or not rest:
            words = itertools.takewhile(lambda a: a[:1] != '-', rest)
            rest = ['help', *words]
        return self.run_subcommand(rest)

    def run_subcommand(self, argv: list[str]) -> int:
        factory, name, rest = self._find(argv)
        command = factory(self, self.options, cmd_name=name)
        if isinstance(command, cliff_help.HelpCommand) and rest:
            self._find(rest, partly=True)
        parser = parsers.shorten(command.get_parser(f'{self.NAME} {name}'))
        return int(command.run(parser.parse_args(rest)))

    def finish(self, error: str | None) -> None:
        """Print the warnings that do not say the same; close all."""
        if 'session' in self.__dict__:
            self.session.close(error)

    def _find(self, argv: list[str], partly: bool = False) -> Any:
        try:
            return self.command_manager.find_command(argv)
        except ValueError:
            words = list(itertools.takewhile(lambda a: a[:1] != '-', argv))
            if not words:
                raise errors.UsageError(
                    f'there is no option {argv[0]}; see "{self.NAME} '
                    '--help"') from None
            near = self.get_fuzzy_matches(words[0])
            begun = [name for name in near if name.startswith(words[0])]
            if partly and begun:
                return None  # cliff's help lists them
            raise errors.UsageError(
                f'"{" ".join(words[:2])}" is no command; did you mean: '
                + ', '.join(begun or near) + '?') from None


def _add_output_options(parser: argparse.ArgumentParser) -> None:
    amount = parser.add_mutually_exclusive_group()
    amount.add_argument(
        '-v', '--verbose', action='count', default=0,
        help='Log what is done to stderr; twice for all details.')
    amount.add_argument(
        '-q', '--quiet', action='store_true',
        help='Do not print warnings.')
    parser.add_argument(
        '--debug', action='store_true',
        help='Show the traceback of an error.')
    parser.add_argument(
        '--version', action='store_true',
        help='Print the version and exit.')
    parser.add_argument(
        '-h', '--help', action='store_true',
        help='Print this, or the help of the command, and exit.')


def _version() -> str:
    try:
        return metadata.version('snapdriver')
    except metadata.PackageNotFoundError:
        return 'unknown'
