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

"""``openstack server snapshot set``."""

import argparse

from osc_lib.command import command

from snapdriver.osc import finding
from snapdriver.osc import handle
from snapdriver.osc import parsers
from snapdriver.osc import patch


class SetServerSnapshot(command.Command):
    """Change the name, description or properties of a snapshot."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parsers.add_server(parser)
        parsers.add_snapshot(parser)
        parser.add_argument('--name', metavar='<name>', help='New name.')
        parsers.add_description(parser, 'New description.')
        parsers.add_properties(parser, 'A property to set or to replace')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        connection = self.app.client_manager.sdk_connection
        server = finding.server(connection, parsed_args.server)
        found = finding.snapshot(connection, server, parsed_args.snapshot)
        changes = dict(parsed_args.properties)
        for key, value in (('name', parsed_args.name),
                           (handle.DESCRIPTION, parsed_args.description)):
            if value is not None:
                changes[key] = value
        patch.apply(connection.image, found.id, changes)
