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

"""``tools/test openstack-benchmarks``: our times beside Nova's own driver's.

Both on the same OpenStack, in turns.
"""

import argparse
import datetime
import importlib.metadata
import json
import os
import pathlib
import platform
import subprocess
import sys

import libvirt

from tests.benchmarks import report
from tests.benchmarks.openstack import image
from tests.benchmarks.openstack import power
from tests.benchmarks.openstack import samples
from tests.benchmarks.openstack import stage
from tests.openstack import host

FILE = host.REPOSITORY / '.cache' / 'openstack-benchmarks.json'
_SIZES = (64, 512, 2048)
_COUNTS = {'stock': (0,), 'ours': (0, 1, 10)}


def main() -> int:
    parser = argparse.ArgumentParser(
        prog='tools/test openstack-benchmarks',
        description=__doc__.split('\n')[0])
    parser.add_argument('--rounds', type=int, default=3,
                        help='how often either driver has its turn')
    parser.add_argument('--sizes', type=int, nargs='+', default=_SIZES,
                        metavar='MIB',
                        help='how much was written to the disks')
    parser.add_argument('--json', type=pathlib.Path, default=FILE,
                        metavar='FILE', help='where the rows are written')
    arguments = parser.parse_args()
    sizes = sorted(set(arguments.sizes))
    found = samples.empty()
    with stage.Stage() as where:
        for number in range(arguments.rounds):
            for driver in ('ours', 'stock') if number % 2 else (
                    'stock', 'ours'):
                _say(f'round {number + 1} of {arguments.rounds}: {driver}')
                where.use(driver)
                _measure(where, driver, sizes, found)
    rows = samples.rows(found, sizes, _COUNTS['ours'])
    missed = sum(not row.ok for row in rows)
    print(f'{report.table(rows)}\n\n{len(rows) - missed} of {len(rows)} '
          'targets met')
    _write(arguments.json, rows, arguments.rounds)
    return 1 if missed else 0


def _measure(where: stage.Stage, driver: str, sizes: list[int],
             found: dict[tuple[str, str, int], list[float]]) -> None:
    # Helper processes are started and clients made when they are needed
    # first; that is no part of what is measured.
    image.measure(where, driver, sizes[0], samples.empty())
    for size in sizes:
        _say(f'    image create and revert, {size} MiB')
        image.measure(where, driver, size, found)
    for count in _COUNTS[driver]:
        _say(f'    power, snapshots: {count}')
        power.measure(where, driver, count, found)


def _say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


def _write(file: pathlib.Path, rows: list[report.Row], rounds: int) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({
        'date': datetime.datetime.now(datetime.UTC).date().isoformat(),
        'commit': _output('git', '-C', str(host.REPOSITORY), 'describe',
                          '--always', '--dirty', '--exclude=*').strip(),
        'nova': importlib.metadata.version('nova'),
        'libvirt': _version(libvirt.getVersion()),
        'qemu': _output('qemu-img', '--version').split()[2],
        'python': platform.python_version(),
        'kernel': platform.release(),
        'processors': os.cpu_count(),
        'rounds': rounds,
        'rows': [row.plain() for row in rows],
    }, indent=1) + '\n')


def _version(number: int) -> str:
    return f'{number // 1000000}.{number // 1000 % 1000}.{number % 1000}'


def _output(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True,
                          text=True).stdout


if __name__ == '__main__':
    sys.exit(main())
