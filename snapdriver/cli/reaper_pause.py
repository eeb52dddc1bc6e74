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


"""``snapdriver reaper pause``."""

import argparse
from collections.abc import Mapping
from typing import Any

from snapdriver.cli import command
from snapdriver.cli import reaperledger


class Pause(command.ShowOne):
    """Let nova-compute delete no local snapshot and begin no merge.

    A merge that is going on comes to its end, and images are still looked
    at. Images of servers that were deleted are still deleted.
    """

    paused = True

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        reaperledger.add_state_path(parser)
        return parser

    def show(self, parsed_args: argparse.Namespace) -> Mapping[str, Any]:
        file = reaperledger.find(self.session, parsed_args)
        with file.changing(must_be_read=True) as ledger:
            ledger.paused = self.paused
        return {'paused': self.paused}
