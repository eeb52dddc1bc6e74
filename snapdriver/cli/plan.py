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

"""What a verb would do, or did, as a report."""

from collections.abc import Mapping
from typing import Any

from snapdriver import model
from snapdriver.cli import columns
from snapdriver.cli import command

_COLUMNS = {
    'snapshots': columns.Lines, 'kind': columns.Text,
    'refusals': columns.Lines, 'new_files': columns.Lines,
    'removed_files': columns.Lines, 'bytes': columns.Size,
    'left_out': columns.Pairs, 'notes': columns.Lines}
_PLANNED = ('verb', 'domain', 'snapshots', 'kind', 'refusals', 'new_files',
            'removed_files', 'bytes', 'pause', 'left_out', 'notes')


class Planned(command.ShowOne):
    """A command that has ``--dry-run``."""

    def planned(self, plan: model.Plan) -> Mapping[str, Any]:
        """The report of a dry run; refusals make the exit code 1."""
        if plan.refusals:
            self.exit_code = 1
        return {key: _COLUMNS[key](getattr(plan, key)) if key in _COLUMNS
                else getattr(plan, key) for key in _PLANNED}
