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

"""``openstack server snapshot list``."""

import argparse
from collections.abc import Mapping
from collections.abc import Sequence
import time
from typing import Any

from osc_lib import exceptions
from osc_lib.command import command

from snapdriver.cli import columns
from snapdriver.cli import screen as screens
from snapdriver.osc import finding
from snapdriver.osc import handle
from snapdriver.osc import output
from snapdriver.osc import snapshot as snapshots
from snapdriver.osc import tree


class ListServerSnapshot(command.Lister):
    """List the snapshots of a server, or of all servers.

    The oldest comes first. A tree shows which was made on which.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument('server', metavar='<server>', nargs='?',
                           help='The server (name or ID).')
        which.add_argument('--all-servers', action='store_true',
                           help='The snapshots of all servers of the project.')
        which.add_argument(
            '--all-projects', action='store_true',
            help='The snapshots of all servers of all projects, and those '
                 'whose server is gone (admin only).')
        parser.add_argument('--long', action='store_true',
                            help='All that is known of each.')
        parser.add_argument(
            '--tree', action='store_true',
            help='Draw trees, with kinds and ages, instead of a table.')
        return parser

    def run(self, parsed_args: argparse.Namespace) -> int:
        if not parsed_args.tree:
            return super().run(parsed_args)
        if parsed_args.formatter != 'table' or parsed_args.columns:
            raise exceptions.CommandError(
                '--tree draws a text; it has neither formats nor columns')
        now = time.time()
        screen = screens.of(self.app.stdout, parsed_args.max_width)
        servers, found = self._find(parsed_args)
        for identity in dict.fromkeys(one.server_id for one in found):
            for line in tree.draw(
                    servers.get(identity, identity),
                    [one for one in found if one.server_id == identity],
                    screen, now):
                self.app.stdout.write(line + '\n')
        return 0

    def take_action(self, parsed_args: argparse.Namespace
                    ) -> tuple[Sequence[str], Sequence[Sequence[Any]]]:
        servers, found = self._find(parsed_args)
        headings, rows = output.rows(found, parsed_args.long)
        if parsed_args.server is None:
            headings = ('Server', 'Server ID', *headings)
            rows = [(columns.Text(servers.get(one.server_id)), one.server_id,
                     *row) for one, row in zip(found, rows, strict=True)]
            if parsed_args.long:
                self._sum_up(servers, found)
        if parsed_args.all_projects:
            headings = ('Project ID', *headings)
            rows = [(one.project_id, *row) for one, row
                    in zip(found, rows, strict=True)]
        return headings, rows

    def _find(self, parsed_args: argparse.Namespace
              ) -> tuple[Mapping[str, str], list[snapshots.Snapshot]]:
        """Names of servers by their ids, and snapshots in order."""
        connection = self.app.client_manager.sdk_connection
        if parsed_args.server is not None:
            server = finding.server(connection, parsed_args.server)
            servers = {server.id: server.name}
            found = handle.of_server(connection.image, server.id)
        else:
            servers = {
                server.id: server.name for server
                in connection.compute.servers(
                    details=False, all_projects=parsed_args.all_projects)}
            found = [image for image in handle.everywhere(connection.image)
                     if parsed_args.all_projects
                     or image.instance_uuid in servers]
        return servers, sorted(map(snapshots.of, found), key=lambda one: (
            servers.get(one.server_id, ''), one.server_id, one.frozen_at))

    def _sum_up(self, servers: Mapping[str, str],
                found: Sequence[snapshots.Snapshot]) -> None:
        """For people; programs count themselves."""
        if not self.app.stderr.isatty():
            return
        size = columns.human_size(sum(one.size or 0 for one in found))
        count = len({one.server_id for one in found})
        kept = sum(not one.reapable for one in found)
        pending = sum(one.status != 'active' for one in found)
        self.app.stderr.write(
            f'{len(found)} snapshots of {count} servers, which held {size} '
            f'when they were made; {kept} not reapable, {pending} pending\n')
