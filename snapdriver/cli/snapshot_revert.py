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

"""``snapdriver snapshot revert``."""

import argparse
from collections.abc import Mapping
import contextlib
import dataclasses
from typing import Any

from snapdriver import exception
from snapdriver import model
from snapdriver.cli import columns
from snapdriver.cli import novaguard
from snapdriver.cli import parsers
from snapdriver.cli import plan


class Revert(plan.Planned):
    """Put a domain back to a snapshot.

    Any snapshot will do: an older one, a newer one, one on another branch.
    A running domain is off for about a second and boots again, or goes on
    from the saved moment if the snapshot has its memory. What was active
    before becomes a safety snapshot, whose name is printed, unless nothing
    was written since the last snapshot.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parsers.add_domain(parser)
        parsers.add_snapshot(parser)
        power = parser.add_mutually_exclusive_group()
        power.add_argument(
            '--start', dest='power', action='store_const',
            const=model.Power.RUNNING,
            help='Let the domain run afterwards. The default is to leave it '
                 'as it is now, or as it was if its memory is put back.')
        power.add_argument(
            '--no-start', dest='power', action='store_const',
            const=model.Power.SHUTOFF,
            help='Leave the domain shut off.')
        power.add_argument(
            '--paused', dest='power', action='store_const',
            const=model.Power.PAUSED,
            help='Leave the domain paused.')
        parser.add_argument(
            '--no-safety', dest='safety', action='store_false',
            help='Throw away what is active now.')
        parser.add_argument(
            '--no-memory', dest='memory', action='store_false',
            help='Revert the disks only, and boot, where the snapshot has '
                 'the memory, too.')
        parsers.add_dry_run(parser)
        return parser

    def show(self, parsed_args: argparse.Namespace) -> Mapping[str, Any]:
        target = novaguard.Target(self.session, parsed_args.domain)
        manager = self.session.manager
        power = parsed_args.power or _resumed(
            manager.show(target.handle, parsed_args.name),
            parsed_args.memory)
        wanted: dict[str, Any] = {
            'power': parsed_args.power, 'safety': parsed_args.safety,
            'memory': parsed_args.memory}
        if parsed_args.dry_run:
            planned = manager.plan_revert(
                target.handle, parsed_args.name, **wanted)
            reason = target.refusal(power)
            if reason is not None:
                planned = dataclasses.replace(
                    planned, refusals=(*planned.refusals, reason))
            return self.planned(planned)
        target.require('revert', power)
        safety = manager.revert(target.handle, parsed_args.name, **wanted)
        return {'domain': target.name, 'reverted_to': parsed_args.name,
                'safety': columns.Text(safety and safety.name),
                'state': columns.Text(_state(target))}


def _resumed(snapshot: model.SnapshotInfo,
             memory: bool) -> model.Power | None:
    """What its memory puts a domain into, whatever it does now."""
    if memory and snapshot.consistency == model.Consistency.MEMORY:
        return model.Power(snapshot.state)
    return None


def _state(target: novaguard.Target) -> str | None:
    """The domain's state now, if it can be told."""
    with contextlib.suppress(exception.SnapdriverError):
        power = target.power()
        return None if power is None else power.value
    return None
