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

"""The commands' base classes."""

import argparse
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any
from typing import cast

from cliff import command
from cliff import lister
from cliff import show

from snapdriver.cli import app as application
from snapdriver.cli import session

Columns = tuple[Sequence[str], Iterable[Any]]


class Command(command.Command):
    """What all commands have."""

    exit_code = 0

    @property
    def session(self) -> session.Session:
        return cast(application.App, self.app).session

    def get_epilog(self) -> str:
        """None; cliff's own scans all that is installed, for plugins."""
        return ''

    def run(self, parsed_args: argparse.Namespace) -> int:
        super().run(parsed_args)
        return self.exit_code


class ShowOne(Command, show.ShowOne):
    """One object."""

    def take_action(self, parsed_args: argparse.Namespace) -> Columns:
        values = self.show(parsed_args)
        return tuple(values), tuple(values.values())

    def show(self, parsed_args: argparse.Namespace) -> Mapping[str, Any]:
        """Act; the values to print."""
        raise NotImplementedError


class Lister(Command, lister.Lister):
    """A list; an empty one has a head, too."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.set_defaults(print_empty=True)
        return parser
