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

"""``openstack server snapshot unset``."""

import argparse

from openstack import exceptions as sdk_exceptions
from osc_lib import exceptions
from osc_lib.command import command

from snapdriver.osc import finding
from snapdriver.osc import handle
from snapdriver.osc import parsers
from snapdriver.osc import patch


class UnsetServerSnapshot(command.Command):
    """Remove the description or properties of a snapshot."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parsers.add_server(parser)
        parsers.add_snapshot(parser)
        parser.add_argument('--description', action='store_true',
                            help='Remove its description.')
        parser.add_argument(
            '--property', metavar='<key>', dest='properties', default=[],
            action='append', type=parsers.free_key,
            help='A property to remove (repeat option for several).')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        connection = self.app.client_manager.sdk_connection
        server = finding.server(connection, parsed_args.server)
        found = finding.snapshot(connection, server, parsed_args.snapshot)
        changes: dict[str, str | None] = dict.fromkeys(parsed_args.properties)
        if parsed_args.description and found.description:
            changes[handle.DESCRIPTION] = None
        try:
            patch.apply(connection.image, found.id, changes)
        except sdk_exceptions.ConflictException as error:
            raise exceptions.CommandError(
                f'Nothing of snapshot {found.name} was changed: '
                f'{error.details or error}') from error
