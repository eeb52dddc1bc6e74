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

"""``snapdriver domain adopt``."""

import argparse
from collections.abc import Sequence
from typing import Any

from snapdriver.cli import command
from snapdriver.cli import info
from snapdriver.cli import parsers


class Adopt(command.Lister):
    """Take over snapshots that were made by other programs.

    Those that libvirt knows of, or one of them. A name that is not allowed
    here is replaced. The snapshots that were taken over are listed.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parsers.add_domain(parser)
        parser.add_argument(
            'name', metavar='NAME', nargs='?',
            help='Only the snapshot of this name; by default all.')
        return parser

    def take_action(self, parsed_args: argparse.Namespace
                    ) -> tuple[Sequence[str], list[list[Any]]]:
        adopted = self.session.manager.adopt(
            parsed_args.domain, parsed_args.name)
        return info.listing(parsed_args, (), info.rows(adopted))
