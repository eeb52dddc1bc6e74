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

"""``snapdriver domain recover``."""

import argparse
from collections.abc import Sequence

from snapdriver.cli import command
from snapdriver.cli import parsers


class Recover(command.Lister):
    """Finish or undo what was interrupted, and repair what can be repaired.

    Every other command that changes the domain begins with the first half
    of this. What was done is listed; it can be repeated.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parsers.add_domain(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace
                    ) -> tuple[Sequence[str], list[tuple[str]]]:
        done = self.session.manager.recover(parsed_args.domain)
        title = 'Done' if parsed_args.formatter == 'table' else 'done'
        return [title], [(sentence,) for sentence in done]
