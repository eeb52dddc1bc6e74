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

"""``openstack server snapshot revert``."""

import argparse
from collections.abc import Iterator
from collections.abc import Sequence
import contextlib
from typing import Any

from openstack import exceptions as sdk_exceptions
from osc_lib import exceptions
from osc_lib.command import command

from snapdriver.osc import finding
from snapdriver.osc import handle
from snapdriver.osc import parsers
from snapdriver.osc import patch
from snapdriver.osc import reverting
from snapdriver.osc import snapshot as snapshots


class RevertServerSnapshot(command.ShowOne):
    """Put a server back to one of its snapshots, older or newer.

    It keeps its ID, name, addresses and volumes, the contents of volumes
    included. A server that is off stays off. What was on its disks just
    before becomes another snapshot.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parsers.add_server(parser)
        parsers.add_snapshot(parser)
        parser.add_argument('--yes', action='store_true',
                            help='Do not ask, on a terminal.')
        parser.add_argument(
            '--no-memory', action='store_true',
            help='Let the server boot from the disks of that moment, where '
                 'the snapshot has its memory, too.')
        parsers.add_wait(parser, 'the server is back')
        return parser

    def take_action(self, parsed_args: argparse.Namespace
                    ) -> tuple[Sequence[str], Sequence[Any]]:
        connection = self.app.client_manager.sdk_connection
        server = finding.server(connection, parsed_args.server)
        found = finding.snapshot(connection, server, parsed_args.snapshot)
        reverting.require_possible(server, found)
        before = _safeties(connection, server)
        for line in reverting.warning(
                server, found, before, parsed_args.no_memory):
            self.app.stderr.write(f'{line}\n')
        if not parsed_args.yes:
            self._ask()
        with _without_memory(connection.image, found, parsed_args.no_memory):
            reverting.request(connection, server, found)
        safety = None
        if parsed_args.wait:
            reverting.finish(connection, server, found, self.app.stderr)
            known = {one.id for one in before}
            safety = next((one for one in _safeties(connection, server)
                           if one.id not in known), None)
        said = {
            'server': server.name,
            'server_id': server.id,
            'reverted_to': found.name,
            'reverted_to_id': found.id,
            'safety': safety and safety.name,
            'safety_id': safety and safety.id,
            'status': connection.compute.get_server(server.id).status,
        }
        return tuple(said), tuple(said.values())

    def _ask(self) -> None:
        """:raises CommandError: the answer was no."""
        if not self.app.stdin.isatty():
            return
        self.app.stderr.write('Go back? [y/N] ')
        self.app.stderr.flush()
        if self.app.stdin.readline().strip().lower() not in ('y', 'yes'):
            raise exceptions.CommandError('Nothing was changed.')


def _safeties(connection: Any, server: Any) -> list[snapshots.Snapshot]:
    return [one for one in map(snapshots.of, handle.of_server(
        connection.image, server.id)) if one.safety]


@contextlib.contextmanager
def _without_memory(images: Any, found: snapshots.Snapshot,
                    wanted: bool) -> Iterator[None]:
    """Within, the handle asks for a revert without the memory.

    Nova reads it when the request is made. It goes again then, so that the
    next revert is what it is asked for.
    """
    if not wanted or found.without_memory:
        yield
        return
    patch.apply(images, found.id, {handle.REQUEST_MEMORY: 'no'})
    try:
        yield
    finally:
        with contextlib.suppress(sdk_exceptions.NotFoundException):
            patch.apply(images, found.id, {handle.REQUEST_MEMORY: None})
