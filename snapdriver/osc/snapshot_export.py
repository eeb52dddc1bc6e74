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

"""``openstack server snapshot export``."""

import argparse
from collections.abc import Sequence
from typing import Any

from osc_lib import exceptions
from osc_lib.command import command

from snapdriver.osc import finding
from snapdriver.osc import handle
from snapdriver.osc import making
from snapdriver.osc import output
from snapdriver.osc import parsers


class ExportServerSnapshot(command.ShowOne):
    """Make a bootable image of what a snapshot holds of the root disk.

    The image is no snapshot: other servers boot from it, it is shared and
    downloaded, and it stays when server and snapshot go. The server runs on.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parsers.add_server(parser)
        parsers.add_snapshot(parser)
        parser.add_argument(
            '--name', metavar='<name>',
            help='Name of the new image (default: <server>-<snapshot>).')
        parsers.add_description(
            parser, 'Description of the image (default: what it is of).')
        parsers.add_properties(parser, 'A property of the image')
        parsers.add_wait(parser, 'the image is complete')
        return parser

    def take_action(self, parsed_args: argparse.Namespace
                    ) -> tuple[Sequence[str], Sequence[Any]]:
        connection = self.app.client_manager.sdk_connection
        server = finding.server(connection, parsed_args.server)
        found = finding.snapshot(connection, server, parsed_args.snapshot)
        description = parsed_args.description
        if description is None:
            description = (f'Snapshot {found.name} of server {server.name}, '
                           f'frozen at {found.frozen_at}')[:255]
        image = making.request(
            connection, server,
            parsed_args.name or f'{server.name}-{found.name}'[:255],
            {handle.DESCRIPTION: description, **dict(parsed_args.properties),
             handle.REQUEST_SOURCE: found.id})
        if parsed_args.wait:
            image = making.finish(connection, server, image, self.app.stderr)
            if any(key.startswith(handle.PREFIX)
                   for key in handle.properties(image)):
                raise exceptions.CommandError(
                    f'Image {image.id} was made of server {server.name} as '
                    'it is now, and not of its snapshot: the server\'s host '
                    'cannot export. The image can be deleted.')
        return output.image(image, server)
