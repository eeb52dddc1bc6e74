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

"""Fuzzing for as long as is told: ``tools/test fuzz``."""

import argparse
import collections
from collections.abc import Sequence
import dataclasses
import pathlib
import random
import sys
import time

from tests.functional.fuzz import operations
from tests.functional.fuzz import runs
from tests.functional.fuzz import shrinking

_EPILOG = """\
Each failure is told with its seed and its operations. --seed SEED --runs 1
(and --libvirtd if that is told, too) plays the same again; --list FILE plays
operations, one a line, and --shrink makes the list as short as it can.
"""


def fuzz(arguments: argparse.Namespace) -> bool:
    """Play seeds and tell what came of it; whether all passed."""
    counts: dict[str, int] = collections.Counter()
    failed, played = [], 0
    start = time.monotonic()
    print(f'first seed: {arguments.seed}', flush=True)
    for result in runs.loop(_task(arguments), start + arguments.minutes * 60,
                            arguments.runs):
        played += 1
        counts.update(result.counts)
        print(f'{_name(result)}: {len(result.operations)} operations, '
              f'{result.reason or "passed"}', flush=True)
        if result.failure is not None:
            failed.append(result)
            print(result.failure, flush=True)
    print()
    for word, number in sorted(counts.items(), key=lambda item: -item[1]):
        print(f'{number:7} {word}')
    print(f'{sum(counts.values()):7} operations of {played} seeds in '
          f'{time.monotonic() - start:.0f} s, {len(failed)} failed')
    for result in failed:
        print(f'FAILED {_name(result)}: {result.reason}')
    return not failed


def play(arguments: argparse.Namespace) -> bool:
    """Play a list, and shorten it if it fails; whether it passed."""
    listed = [operations.Operation.parse(line) for line
              in pathlib.Path(arguments.list).read_text().splitlines()
              if line.strip()]

    task = dataclasses.replace(_task(arguments), listed=listed)
    wanted = None

    def fails(some: Sequence[operations.Operation]) -> bool:
        """In the same way, as other ways may be other faults."""
        result = runs.run(dataclasses.replace(task, listed=some))
        print(f'{len(some)} operations: {result.reason or "passed"}',
              flush=True)
        return bool(result.failure) and wanted in (None, result.kind)

    if arguments.shrink:
        wanted = runs.run(task).kind
        if wanted:
            listed = shrinking.shrink(listed, fails)
        print('\n'.join(map(str, listed)))
    result = runs.run(dataclasses.replace(task, listed=listed))
    print(result.failure or 'passed')
    return result.failure is None


def _task(arguments: argparse.Namespace) -> runs.Task:
    return runs.Task(arguments.seed, arguments.libvirtd, arguments.count,
                     arguments.kinds)


def _name(result: runs.Run) -> str:
    return f'--seed {result.seed}{" --libvirtd" * result.libvirtd}'


def main() -> int:
    parser = argparse.ArgumentParser(
        prog='tools/test fuzz', epilog=_EPILOG, description=__doc__)
    parser.add_argument('--minutes', type=float, default=10)
    parser.add_argument('--seed', type=int, help='the first seed',
                        default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument('--runs', type=int,
                        help='how many seeds, instead of --minutes')
    parser.add_argument('--count', type=int, default=100,
                        help='operations of each seed')
    parser.add_argument('--libvirtd', action='store_true',
                        help='kill libvirtd, too, with every seed')
    parser.add_argument('--kinds', nargs='*', default=(),
                        help='of snapshots; all unless told')
    parser.add_argument('--list', help='a file with operations')
    parser.add_argument('--shrink', action='store_true')
    arguments = parser.parse_args()
    return 0 if (play if arguments.list else fuzz)(arguments) else 1


if __name__ == '__main__':
    sys.exit(main())
