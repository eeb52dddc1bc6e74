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

"""``tools/test benchmarks``: our times beside libvirt's and qemu-img's.

Run inside ``tools/sandbox``::

    tools/sandbox --as-owner python -m tests.benchmarks --json - > FILE
"""

import argparse
import sys

from tests.benchmarks import chain
from tests.benchmarks import create
from tests.benchmarks import export
from tests.benchmarks import internal
from tests.benchmarks import looking
from tests.benchmarks import merge
from tests.benchmarks import report
from tests.benchmarks import revert
from tests.benchmarks import stage
from tests.functional import host

_PARTS = {
    'create': (create.measure, 4),
    'revert': (revert.measure, 15),
    'looking': (looking.measure, 15),
    'merge': (merge.measure, 3),
    'export': (export.measure, 5),
    'internal': (internal.measure, 5),
    'chain': (chain.measure, 9),
}


def main() -> int:
    parser = argparse.ArgumentParser(
        prog='python -m tests.benchmarks', description=__doc__.split('\n')[0])
    parser.add_argument('--json', type=argparse.FileType('w'), metavar='FILE',
                        help='write the rows there; for "-", the standard '
                             'output, the table goes to stderr')
    parser.add_argument('--part', choices=_PARTS, action='append',
                        help='only this; may be given more than once')
    parser.add_argument('--rounds', type=int,
                        help='how often each thing is measured')
    arguments = parser.parse_args()
    if not host.OWNER:
        parser.error('needs a libvirtd of its own: run "tools/test '
                     'benchmarks"')
    rows: list[report.Row] = []
    for part in arguments.part or _PARTS:
        measure, rounds = _PARTS[part]
        print(f'measuring: {part}', file=sys.stderr)
        with stage.Stage() as where:
            rows += measure(where, arguments.rounds or rounds)
    missed = sum(not row.ok for row in rows)
    print(f'{report.table(rows)}\n\n{len(rows) - missed} of {len(rows)} '
          'targets met',
          file=sys.stderr if arguments.json is sys.stdout else sys.stdout)
    if arguments.json:
        report.write_json(arguments.json, rows)
    return 1 if missed else 0


if __name__ == '__main__':
    sys.exit(main())
