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

"""``openstack server snapshot delete``."""

import argparse

from openstack import exceptions as sdk_exceptions
from osc_lib import exceptions
from osc_lib.command import command

from snapdriver.osc import finding
from snapdriver.osc import parsers


class DeleteServerSnapshot(command.Command):
    """Delete snapshots of a server.

    They go from the lists at once, and so do their images. What they hold on
    the server's host is given back some time later, while the server runs on.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parsers.add_server(parser)
        parser.add_argument(
            'snapshots', metavar='<snapshot>', nargs='+',
            help='Snapshots of that server (name or ID).')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        connection = self.app.client_manager.sdk_connection
        server = finding.server(connection, parsed_args.server)
        failed = 0
        for name in parsed_args.snapshots:
            try:
                found = finding.snapshot(connection, server, name)
                connection.image.delete_image(found.id, ignore_missing=False)
            except (exceptions.CommandError,
                    sdk_exceptions.HttpException) as error:
                failed += 1
                self.log.error('Failed to delete snapshot "%(name)s": '
                               '%(error)s', {'name': name, 'error': error})
        if failed:
            raise exceptions.CommandError(
                f'{failed} of {len(parsed_args.snapshots)} snapshots were '
                'not deleted.')
