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

"""``snapdriver snapshot delete``."""

import argparse
from collections.abc import Mapping
from typing import Any

from snapdriver import model
from snapdriver.cli import columns
from snapdriver.cli import parsers
from snapdriver.cli import plan
from snapdriver.cli import progress


class Delete(plan.Planned):
    """Delete snapshots.

    The names go at once, and data that nothing else stands on with them.
    Then the layers that have lost their names are merged into others, which
    takes as long as the bytes need; the domain may run meanwhile. It can be
    interrupted: what stays is shown by "snapdriver domain check", and
    "snapdriver domain merge" goes on. The domain's own data stays as it is.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parsers.add_domain(parser)
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument(
            'names', metavar='NAME', nargs='*', default=[],
            help='The names or ids of the snapshots.')
        which.add_argument(
            '--all', action='store_true', dest='everything',
            help='All snapshots of the domain.')
        parser.add_argument(
            '--children', action='store_true',
            help='And those that were made on them, however far up.')
        parser.add_argument(
            '--no-merge', action='store_false', dest='merge',
            help='Leave the merging for later.')
        parsers.add_bandwidth(parser)
        parsers.add_dry_run(parser)
        return parser

    def show(self, parsed_args: argparse.Namespace) -> Mapping[str, Any]:
        manager = self.session.manager
        if parsed_args.dry_run:
            return self.planned(manager.plan_delete(
                parsed_args.domain, parsed_args.names,
                children=parsed_args.children,
                everything=parsed_args.everything))
        done = manager.delete(
            parsed_args.domain, parsed_args.names,
            children=parsed_args.children,
            everything=parsed_args.everything)
        merged = model.Merged((), {})
        if parsed_args.merge:
            with progress.bar('merging', self.app.stderr) as update:
                merged = manager.merge(
                    parsed_args.domain, bandwidth=parsed_args.bandwidth,
                    progress=update)
        return {'domain': done.domain,
                'snapshots': columns.Lines(done.snapshots),
                'removed_files': columns.Lines(done.removed_files),
                'merged': columns.Lines(merged.done),
                'pending': columns.Pairs(merged.pending)}
