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

"""Compares what came of the same tests twice: compare.py NAME=FILE NAME=FILE.

Each file is a run's subunit stream. A test that has failed both times is the
same if the exception is. Fails if any test differs, or none has passed.
"""

import re
import sys
from typing import Any

import subunit
import testtools

_STATUSES = {'success': 'passed', 'skip': 'skipped', 'fail': 'failed'}


class Run:
    """A run's tests, by name.

    :param heading: what the run's column is called.
    :param path: of its subunit stream.
    """

    def __init__(self, heading: str, path: str) -> None:
        self.heading = heading
        self.outcomes: dict[str, str] = {}
        self.seconds: dict[str, float] = {}
        self.messages: dict[str, str] = {}
        result = testtools.StreamToDict(self._add)
        result.startTestRun()
        with open(path, 'rb') as stream:
            subunit.ByteStreamToStreamResult(
                stream, non_subunit_name='output').run(result)
        result.stopTestRun()

    def _add(self, test: dict[str, Any]) -> None:
        if test['status'] not in (*_STATUSES, 'inprogress'):
            return
        name = test['id'].split('[')[0]
        outcome = _STATUSES.get(test['status'], 'unfinished')
        start, end = test['timestamps']
        if start and end:
            self.seconds[name] = (end - start).total_seconds()
        if outcome == 'failed':
            message = _exception(test['details'])
            self.messages[name] = message
            outcome += f' ({message.split(":")[0].rpartition(".")[2]})'
        self.outcomes[name] = outcome

    def cell(self, name: str) -> str:
        """Tell what came of a test, and in what time."""
        if name not in self.outcomes:
            return 'not run'
        if self.outcomes[name] == 'skipped' or name not in self.seconds:
            return self.outcomes[name]
        return f'{self.outcomes[name]} {self.seconds[name]:.0f} s'


def _exception(details: dict[str, Any]) -> str:
    """Get the line that names what was raised first, and not in a cleanup."""
    for key in sorted(details):
        if key.startswith('traceback'):
            last = details[key].as_text().rpartition(
                'Traceback (most recent call last):\n')[2]
            for line in last.splitlines():
                if line and not line[0].isspace():
                    return line
    return 'no traceback'


def _short(name: str) -> str:
    """Leave out packages and modules; as well in ``setUpClass (...)``."""
    return re.sub(r'\b(?:[a-z_0-9]+\.)+(?=[A-Z])', '', name)


def main(*arguments: str) -> int:
    """Print the table, the failures and the counts; return the exit code."""
    first, second = (Run(*argument.split('=', 1)) for argument in arguments)
    names = list(dict.fromkeys([*first.outcomes, *second.outcomes]))
    different = [name for name in names if first.outcomes.get(name)
                 != second.outcomes.get(name)]
    rows = [('', first.heading, second.heading, '')] + [
        (_short(name), first.cell(name), second.cell(name),
         'DIFFERENT' if name in different else '') for name in names]
    widths = [max(len(row[at]) for row in rows) for at in range(4)]
    print()
    for row in rows:
        print('  '.join(cell.ljust(width) for cell, width
                        in zip(row, widths, strict=True)).rstrip())
    print()
    for run in (first, second):
        for name, message in run.messages.items():
            print(f'{_short(name)}, {run.heading}: {message[:300]}')
    passed = [name for name in names if name not in different
              and first.outcomes[name] == 'passed']
    if not passed:
        print('No test has passed both times: this compares nothing.')
    print(f'{len(names) - len(different)} the same, '
          f'{len(different)} different')
    return 1 if different or not passed else 0


sys.exit(main(*sys.argv[1:]))
