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

"""``snapdriver domain merge``."""

import argparse
from collections.abc import Mapping
from typing import Any

from snapdriver.cli import columns
from snapdriver.cli import command
from snapdriver.cli import parsers
from snapdriver.cli import progress


class Merge(command.ShowOne):
    """Merge the layers that deleted snapshots have left behind.

    A running domain goes on meanwhile. Any other command, and Nova, may come
    in between: it is served at once, and the merge begun anew after it. The
    exit code is 1 if a layer stays for now; the reason is shown.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parsers.add_domain(parser)
        parsers.add_bandwidth(parser)
        return parser

    def show(self, parsed_args: argparse.Namespace) -> Mapping[str, Any]:
        with progress.bar('merging', self.app.stderr) as update:
            merged = self.session.manager.merge(
                parsed_args.domain, bandwidth=parsed_args.bandwidth,
                progress=update)
        if merged.pending:
            self.exit_code = 1
        return {'domain': parsed_args.domain,
                'merged': columns.Lines(merged.done),
                'pending': columns.Pairs(merged.pending)}
