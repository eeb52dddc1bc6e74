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

"""What came of each cell of the table of operations."""

from collections.abc import Iterable
from collections.abc import Iterator
import contextlib
import datetime
import fcntl
import json
import subprocess

from tests.openstack import host

#: Operation, column: its result, date and commit.
Table = dict[str, dict[str, dict[str, str]]]
FILE = host.REPOSITORY / '.cache' / 'operations.json'


_lines: list[str] = []
_columns: list[str] = []


def declare(operations: Iterable[str], columns: Iterable[str]) -> None:
    """Lines and columns that the table has, in this order."""
    _lines.extend(operations)
    _columns[:] = columns


@contextlib.contextmanager
def recorded(column: str, *operations: str) -> Iterator[None]:
    """Keeps whether what is done in it succeeds."""
    try:
        yield
    except Exception:  # not an interrupt: that tells nothing
        keep(column, operations, 'failed')
        raise
    keep(column, operations, 'passed')


def keep(column: str, operations: Iterable[str], result: str) -> None:
    cell = {
        'result': result,
        'date': datetime.datetime.now(datetime.UTC).date().isoformat(),
        'commit': subprocess.run(
            ['git', 'describe', '--always', '--dirty', '--exclude=*'],
            cwd=host.REPOSITORY, check=True, capture_output=True,
            text=True).stdout.strip()}
    FILE.parent.mkdir(parents=True, exist_ok=True)
    with FILE.open('a+') as file:
        # Tests may run side by side.
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        found: Table = json.loads(file.read() or '{}')
        for operation in operations:
            found.setdefault(operation, {})[column] = cell
        file.truncate(0)
        file.write(json.dumps({
            name: {one: found.get(name, {}).get(one, {'result': 'not run'})
                   for one in _columns}
            for name in dict.fromkeys([*_lines, *found])}, indent=1) + '\n')
