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


"""``snapdriver reaper confirm``."""

import argparse
from collections.abc import Sequence

from snapdriver.cli import command
from snapdriver.cli import errors
from snapdriver.cli import reaperledger


class Confirm(command.Lister):
    """Confirm that images were deleted by their users.

    Of those that "snapdriver reaper status" shows as unconfirmed: too many
    vanished at once, or a backup of the image service's database may have
    been restored. Their local snapshots are deleted for good, one option
    reap_grace after they were found missing; those that turn up again are
    kept. Images that vanish later need another confirmation. The exit code is
    1 if there is nothing to confirm.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        reaperledger.add_state_path(parser)
        parser.add_argument(
            'images', metavar='IMAGE', nargs='*',
            help='The image\'s id; by default all that are unconfirmed.')
        return parser

    def take_action(self, parsed_args: argparse.Namespace
                    ) -> tuple[Sequence[str], list[tuple[str, ...]]]:
        file = reaperledger.find(self.session, parsed_args)
        with file.changing(must_be_read=True) as ledger:
            open_ones = {
                image_id: why for image_id, why
                in ledger.passes.unconfirmed.items()
                if image_id in ledger.handles
                and image_id not in ledger.confirmed}
            for image_id in parsed_args.images:
                if image_id not in open_ones:
                    raise errors.UsageError(
                        f'{image_id} needs no confirmation')
            ids = sorted({*parsed_args.images} or open_ones)
            ledger.confirmed += ids
            servers = {image_id: ledger.handles[image_id].instance
                       for image_id in ids}
        if not ids:
            self.exit_code = 1
        return ('image', 'server', 'why'), [
            (image_id, servers[image_id], open_ones[image_id])
            for image_id in ids]
