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
from collections.abc import Sequence
import contextlib
import datetime
import json
import subprocess

from tests.openstack import host

#: Operation, column: its result, date and commit.
Table = dict[str, dict[str, dict[str, str]]]
FILE = host.REPOSITORY / '.cache' / 'operations.json'


@contextlib.contextmanager
def recorded(operation: str, column: str) -> Iterator[None]:
    """Keeps whether what is done in it succeeds."""
    _keep(operation, column, 'failed')
    yield
    _keep(operation, column, 'passed')


def declare(operations: Iterable[str], columns: Sequence[str]) -> None:
    """Gives the table its lines and columns; what was found before stays."""
    found = _read()
    lines = list(operations)
    _write({name: {column: found.get(name, {}).get(
        column, {'result': 'not run'}) for column in columns}
        for name in dict.fromkeys([*lines, *found])})


def _keep(operation: str, column: str, result: str) -> None:
    found = _read()
    found.setdefault(operation, {})[column] = {
        'result': result,
        'date': datetime.datetime.now(datetime.UTC).date().isoformat(),
        'commit': subprocess.run(
            ['git', 'describe', '--always', '--dirty', '--exclude=*'],
            cwd=host.REPOSITORY, check=True, capture_output=True,
            text=True).stdout.strip()}
    _write(found)


def _read() -> Table:
    return json.loads(FILE.read_text()) if FILE.exists() else {}


def _write(found: Table) -> None:
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_text(json.dumps(found, indent=1) + '\n')
