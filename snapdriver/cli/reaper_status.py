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


"""``snapdriver reaper status``."""

import argparse
from collections.abc import Mapping
import datetime
from typing import Any

from snapdriver.cli import columns
from snapdriver.cli import command
from snapdriver.cli import reaperledger
from snapdriver.nova import ledger as ledgers


class Status(command.ShowOne):
    """Show what nova-compute knows of deleted images.

    It deletes a local snapshot some time after the image that is its handle
    was deleted, if it can be sure of that. "unconfirmed" are those of which
    only you can tell it, by "snapdriver reaper confirm". "beacon" is the image
    that shows that the image service's database is no older than the handles,
    or why there is none. The exit code is 1 if there are any unconfirmed ones,
    or if the last pass has failed.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        reaperledger.add_state_path(parser)
        return parser

    def show(self, parsed_args: argparse.Namespace) -> Mapping[str, Any]:
        ledger = reaperledger.find(self.session, parsed_args).read()
        passes = ledger.passes
        if passes.unconfirmed or passes.last_at != passes.last_success_at:
            self.exit_code = 1
        return {
            'paused': ledger.paused,
            'last_pass': _moment(passes.last_at),
            'last_result': passes.last_result,
            'last_success': _moment(passes.last_success_at),
            'handles': passes.handles,
            'known': len(ledger.handles),
            'missing': columns.Lines(sorted(
                image_id for image_id, handle in ledger.handles.items()
                if handle.vanished_at is not None)),
            'waiting': columns.Pairs(passes.waiting),
            'not_reapable': columns.Lines(passes.unreapable),
            'unconfirmed': columns.Lines(sorted(
                passes.unconfirmed.keys() - ledger.confirmed)),
            'confirmed': columns.Lines(ledger.confirmed),
            'doomed': columns.Pairs({
                image_id: doom.error or 'not tried yet'
                for image_id, doom in ledger.doomed.items()}),
            'beacon': columns.Pairs(_beacon(ledger.beacon)),
            'merge_after': columns.Pairs({
                server: _iso(when)
                for server, when in ledger.merge_after.items()}),
            'snapshots_reaped': passes.reaped,
            'layers_merged': passes.merged,
            'handles_deleted': passes.undoomed}


def _beacon(beacon: ledgers.Beacon) -> dict[str, str]:
    if not beacon.token:
        return {'none': beacon.error or 'no handle has needed it yet'}
    return {'image': beacon.image, 'written': beacon.written_at} | (
        {'problem': beacon.error} if beacon.error else {})


def _iso(when: float) -> str:
    return datetime.datetime.fromtimestamp(when, datetime.UTC).isoformat(
        timespec='seconds')


def _moment(when: float | None) -> Any:
    return columns.Text(None) if when is None else columns.Moment(_iso(when))
