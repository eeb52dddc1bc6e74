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

"""``openstack server snapshot show``."""

import argparse
from collections.abc import Sequence
from typing import Any

from osc_lib.command import command

from snapdriver.osc import finding
from snapdriver.osc import output
from snapdriver.osc import parsers


class ShowServerSnapshot(command.ShowOne):
    """Show what is known of a snapshot."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parsers.add_server(parser)
        parsers.add_snapshot(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace
                    ) -> tuple[Sequence[str], Sequence[Any]]:
        connection = self.app.client_manager.sdk_connection
        server = finding.server(connection, parsed_args.server)
        return output.details(finding.snapshot(
            connection, server, parsed_args.snapshot), server)
