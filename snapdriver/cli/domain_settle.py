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

"""``snapdriver domain settle``."""

import argparse
from collections.abc import Mapping
from typing import Any

from snapdriver.cli import command
from snapdriver.cli import novaguard
from snapdriver.cli import parsers


class Settle(command.ShowOne):
    """Let the usual names of a domain's disks be what it writes.

    While a domain with snapshots runs, the file "disk" may be an older
    layer. Once it is off this makes "disk" the active layer again, so that
    whoever opens it by name has the newest data. The exit code is 1 if that
    cannot be done because the domain runs or is suspended to disk.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parsers.add_domain(parser)
        return parser

    def show(self, parsed_args: argparse.Namespace) -> Mapping[str, Any]:
        target = novaguard.Target(self.session, parsed_args.domain)
        target.require('settle')
        settled = self.session.manager.settle(target.handle)
        if not settled:
            self.exit_code = 1
        return {'domain': target.name, 'settled': settled}
