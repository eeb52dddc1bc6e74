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

"""``openstack server snapshot create``."""

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
from snapdriver.osc import snapshot as snapshots


class CreateServerSnapshot(command.ShowOne):
    """Take a snapshot of a server, which runs on.

    The server can be put back to it. It is an image of that name, too, which
    can be a bootable copy of the server's root disk.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parsers.add_server(parser)
        parser.add_argument('name', metavar='<name>',
                            help='Name of the new snapshot.')
        parser.add_argument(
            '--kind', metavar='<kind>', default='external',
            help='"external": the disks (default); "internal": the disks and '
                 'the memory of a running server, which stands still while '
                 'that is written; or a kind of the operator\'s.')
        parser.add_argument(
            '--payload', choices=handle.PAYLOADS,
            help='What the image holds: "disk": a copy of the root disk, '
                 'which other servers can boot from; "manifest": nothing of '
                 'it, so that it is ready at once, and good for this server '
                 'only. The default is the operator\'s.')
        parsers.add_description(parser, 'Description of the snapshot.')
        parsers.add_properties(parser, 'A property of the snapshot')
        parsers.add_wait(parser, 'the snapshot is complete')
        return parser

    def take_action(self, parsed_args: argparse.Namespace
                    ) -> tuple[Sequence[str], Sequence[Any]]:
        connection = self.app.client_manager.sdk_connection
        server = finding.server(connection, parsed_args.server)
        # Without one it would have that of the server's own image.
        properties = {handle.DESCRIPTION: parsed_args.description or '',
                      **dict(parsed_args.properties),
                      handle.REQUEST_KIND: parsed_args.kind}
        if parsed_args.payload is not None:
            properties[handle.REQUEST_PAYLOAD] = parsed_args.payload
        image = making.request(connection, server, parsed_args.name,
                               properties)
        if parsed_args.wait:
            image = making.finish(connection, server, image, self.app.stderr)
            if not handle.is_handle(image):
                raise exceptions.CommandError(
                    f'Image {image.id} of server {server.name} was made, and '
                    'no snapshot: the server\'s host does not run '
                    'snapdriver\'s driver. The image can be deleted.')
        return output.details(snapshots.of(image), server)
