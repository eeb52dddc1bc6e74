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

"""``snapdriver domain graph``."""

import argparse
from typing import Any

import libvirt

from snapdriver import domain as domains
from snapdriver import exception
from snapdriver import graph
from snapdriver import manager as managers
from snapdriver import model
from snapdriver.cli import columns
from snapdriver.cli import command
from snapdriver.cli import graphviz
from snapdriver.cli import parsers

_Seen = tuple[model.State, list[model.SnapshotInfo]]


class Graph(command.Command):
    """Draw the layers and snapshots of a domain, for Graphviz.

    Each layer stands above the one that it is backed by; below the lowest
    is the image that is not snapdriver's. A snapshot points at the layer
    that it has frozen, or at its tag. State files are read, so this works
    while libvirt is down; then it cannot tell whether the domain runs.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parsers.add_domain(parser)
        parser.add_argument(
            '-f', '--format', choices=('dot', 'svg'), default='dot',
            dest='image_format',
            help='dot, the language of Graphviz (the default), or svg, an '
                 'image, which Graphviz has to be installed for.')
        parser.add_argument(
            '-o', '--output', metavar='FILE',
            help='Write it to that file, instead of to stdout; what was in '
                 'it is gone.')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        def look(manager: managers.SnapshotManager) -> _Seen:
            return (manager.state(parsed_args.domain),
                    list(manager.list(parsed_args.domain)))

        state, infos = self.session.read(look, parsed_args.domain)
        text = graph.draw(state, self._power(state.uuid), {
            info.id: columns.human_size(info.size) for info in infos})
        image = (graphviz.svg(text) if parsed_args.image_format == 'svg'
                 else text.encode())
        if parsed_args.output is None:
            _print(self.app.stdout, image)
        else:
            with open(parsed_args.output, 'wb') as file:
                file.write(image)

    def _power(self, identity: str) -> model.Power | None:
        """What the domain does; None if libvirt cannot be asked."""
        try:
            connection = self.session.connection
        except exception.ConnectionFailed:
            return None
        try:
            return domains.Domain(connection, connection.lookupByUUIDString(
                identity)).power()
        except libvirt.libvirtError:
            return model.Power.SHUTOFF  # it is not defined
        except exception.LibvirtFailed:
            return None


def _print(stdout: Any, image: bytes) -> None:
    """To stdout, in UTF-8 whatever the locale: both formats are."""
    stdout.flush()
    stdout.buffer.write(image)
