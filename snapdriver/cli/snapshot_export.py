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


"""``snapdriver snapshot export``."""

import argparse
from collections.abc import Mapping
from typing import Any

from snapdriver import exporting
from snapdriver.cli import columns
from snapdriver.cli import command
from snapdriver.cli import parsers
from snapdriver.cli import progress


class Export(command.ShowOne):
    """Copy what a snapshot holds of a disk to a file of its own.

    The file stands on no other one, and holes stay holes. A running domain
    goes on meanwhile. The file gets its name when it is complete; nothing is
    overwritten.
    """

    # cliff's --format for the output is -f only, so that this is the file's.
    conflict_handler = 'resolve'

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parsers.add_domain(parser)
        parsers.add_snapshot(parser)
        parser.add_argument(
            'file', metavar='FILE',
            help='The new file. It will be yours, with mode 0600.')
        parser.add_argument(
            '--disk', metavar='TARGET',
            help='The disk: its target, such as vda, or its file\'s name. '
                 'Needed if the snapshot has several.')
        parser.add_argument(
            '--format', choices=exporting.FORMATS, dest='image_format',
            default=exporting.FORMATS[0],
            help='The format of the file; by default qcow2.')
        parser.add_argument(
            '--compress', action='store_true',
            help='Compress the data; slower, and for qcow2 only.')
        return parser

    def show(self, parsed_args: argparse.Namespace) -> Mapping[str, Any]:
        with progress.bar('exporting', self.app.stderr) as update:
            exported = self.session.manager.export(
                parsed_args.domain, parsed_args.name, parsed_args.file,
                disk=parsed_args.disk, format=parsed_args.image_format,
                compress=parsed_args.compress, progress=update)
        return {
            'file': exported.file, 'format': exported.format,
            'virtual_size': columns.Size(exported.virtual_size),
            'bytes': columns.Size(exported.bytes),
            'snapshot': exported.snapshot, 'disk': exported.disk}
