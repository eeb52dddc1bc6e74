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

"""``snapdriver snapshot create``."""

import argparse
from collections.abc import Mapping
from typing import Any

from snapdriver import model
from snapdriver.cli import info
from snapdriver.cli import parsers
from snapdriver.cli import plan


class Create(plan.Planned):
    """Make a snapshot of a domain.

    The domain may run, be paused or be shut off. An external one freezes all
    disks that can be, at the same moment, while the domain runs on; those
    left out are named. An internal one of a running domain has the memory,
    too: the guest stands still while it is written.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parsers.add_domain(parser)
        parser.add_argument(
            'name', metavar='NAME', nargs='?',
            help='The snapshot\'s name: up to 63 letters, digits, ".", "_" '
                 'and "-". By default the time in seconds.')
        parser.add_argument(
            '--kind', metavar='KIND',
            help='The kind of snapshot: external, of the disks only, or '
                 'internal, with the memory of a running domain. By default '
                 'option default_kind.')
        parser.add_argument(
            '--disk', metavar='TARGET', action='append', default=[],
            dest='disks',
            help='Only this disk: its target, such as vda, or its file\'s '
                 'name. Can be repeated.')
        parser.add_argument(
            '--description', metavar='TEXT', default='',
            help='A text to keep with the snapshot.')
        parser.add_argument(
            '--property', metavar='KEY=VALUE', action='append', default=[],
            dest='properties', type=parsers.key_value,
            help='A property to keep with the snapshot. Can be repeated.')
        parser.add_argument(
            '--quiesce', choices=[choice.value for choice in model.Quiesce],
            default=model.Quiesce.NEVER.value,
            help='Whether the guest agent shall freeze the file systems: '
                 'never (the default), try, or require, which refuses if '
                 'the agent does not answer.')
        parsers.add_dry_run(parser)
        return parser

    def show(self, parsed_args: argparse.Namespace) -> Mapping[str, Any]:
        manager = self.session.manager
        wanted: dict[str, Any] = {
            'kind': parsed_args.kind, 'disks': parsed_args.disks,
            'description': parsed_args.description,
            'properties': dict(parsed_args.properties),
            'quiesce': parsed_args.quiesce}
        if parsed_args.dry_run:
            return self.planned(manager.plan_create(
                parsed_args.domain, parsed_args.name, **wanted))
        return info.details(manager.create(
            parsed_args.domain, parsed_args.name, **wanted))
