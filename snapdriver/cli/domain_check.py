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

"""``snapdriver domain check``."""

import argparse
from collections.abc import Sequence
from typing import Any

from snapdriver import model
from snapdriver.cli import command
from snapdriver.cli import parsers


class Check(command.Lister):
    """Compare a domain's state file, images, libvirt and QEMU.

    Nothing is changed. The exit code is 1 if anything is wrong; work that
    only waits for its time is not.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parsers.add_domain(parser)
        parser.add_argument(
            '--deep', action='store_true',
            help='Let qemu-img check every image that nobody writes. This '
                 'takes time.')
        return parser

    def take_action(self, parsed_args: argparse.Namespace
                    ) -> tuple[Sequence[str], list[tuple[Any, ...]]]:
        findings = self.session.manager.check(
            parsed_args.domain, deep=parsed_args.deep)
        if any(finding.severity != model.Severity.PENDING
               for finding in findings):
            self.exit_code = 1
        keys = ['severity', 'code', 'subject', 'message']
        if parsed_args.formatter == 'table':
            keys = [key.capitalize() for key in keys]
        return keys, [(str(finding.severity.value), finding.code,
                       finding.subject, finding.message)
                      for finding in findings]
