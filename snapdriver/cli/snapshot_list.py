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

"""``snapdriver snapshot list``."""

import argparse
from collections.abc import Sequence
import time
from typing import Any

from snapdriver import manager as managers
from snapdriver import model
from snapdriver.cli import command
from snapdriver.cli import errors
from snapdriver.cli import info
from snapdriver.cli import screen as screens
from snapdriver.cli import tree

_Found = list[tuple[str, str, Sequence[model.SnapshotInfo]]]


class List(command.Lister):
    """List the snapshots of a domain, or of all domains.

    Parents come first, and the snapshot that the domain's disks stand on is
    marked. State files are read, so this works while libvirt is down.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument('domain', metavar='DOMAIN', nargs='?',
                           help='The domain\'s name, UUID or id.')
        which.add_argument('--all', action='store_true',
                           help='The snapshots of every domain.')
        parser.add_argument(
            '--tree', action='store_true',
            help='Draw a tree, with kinds, sizes and ages, instead of a '
                 'table.')
        return parser

    def run(self, parsed_args: argparse.Namespace) -> int:
        if not parsed_args.tree:
            return super().run(parsed_args)
        if parsed_args.formatter != 'table' or parsed_args.columns:
            raise errors.UsageError(
                '--tree draws a text; it has neither formats nor columns')
        now = time.time()
        screen = screens.of(self.app.stdout, parsed_args.max_width)
        for name, _, infos in self._find(parsed_args):
            for line in tree.draw(name, infos, screen, now):
                self.app.stdout.write(line + '\n')
        return 0

    def take_action(self, parsed_args: argparse.Namespace
                    ) -> tuple[Sequence[str], list[list[Any]]]:
        found = self._find(parsed_args)
        if not parsed_args.all:
            return info.listing(parsed_args, (), info.rows(found[0][2]))
        return info.listing(parsed_args, ('domain', 'domain_id'), [
            row for name, identity, infos in found
            for row in info.rows(infos, domain=name, domain_id=identity)])

    def _find(self, parsed_args: argparse.Namespace) -> _Found:
        """(name, UUID, snapshots) of each domain asked for."""
        domain = parsed_args.domain

        def look(manager: managers.SnapshotManager) -> _Found:
            if parsed_args.all:
                return list(manager.list_all())
            return [(domain, '', manager.list(domain))]

        return self.session.read(look, domain)
