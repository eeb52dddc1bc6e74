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

"""``snapdriver snapshot show``."""

import argparse
from collections.abc import Mapping
from typing import Any

from snapdriver.cli import command
from snapdriver.cli import info
from snapdriver.cli import parsers


class Show(command.ShowOne):
    """Show one snapshot.

    State files are read, so this works while libvirt is down.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parsers.add_domain(parser)
        parsers.add_snapshot(parser)
        return parser

    def show(self, parsed_args: argparse.Namespace) -> Mapping[str, Any]:
        return info.details(self.session.read(
            lambda manager: manager.show(parsed_args.domain,
                                         parsed_args.name),
            parsed_args.domain))
