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

"""Runs of many seeds, each a test of its own."""

from collections.abc import Iterator
from collections.abc import Sequence
from concurrent import futures
import dataclasses
import itertools
import multiprocessing
import os
import re
import time
from typing import Any
import unittest

from tests.functional.fuzz import base
from tests.functional.fuzz import operations

#: Of so many seeds one is played alone, and libvirtd is killed in it.
_LIBVIRTD_EVERY = 4


@dataclasses.dataclass(frozen=True)
class Task:
    """What shall be played.

    :ivar libvirtd: whether libvirtd is killed, too.
    :ivar count: of operations.
    :ivar kinds: of snapshots; all if empty.
    :ivar listed: operations, instead of those that the seed gives.
    """

    seed: int
    libvirtd: bool = False
    count: int = 100
    kinds: Sequence[str] = ()
    listed: Sequence[operations.Operation] | None = None


@dataclasses.dataclass(frozen=True)
class Run:
    """What one seed, or one list, has come to.

    :ivar failure: all that the test tells; None if it passed.
    :ivar reason: its last line.
    """

    seed: int
    libvirtd: bool
    counts: dict[str, int]
    operations: list[str]
    failure: str | None

    @property
    def reason(self) -> str:
        return (self.failure or '').strip().rpartition('\n')[2]

    @property
    def kind(self) -> str | None:
        """The reason, without what differs from run to run."""
        if self.failure is None:
            return None
        return re.sub(r'/\S+|[0-9a-f]{4,}|\d+', '', self.reason)


class _Case(base.FuzzTest):

    def __init__(self, task: Task) -> None:
        super().__init__('run_it')
        self.exclusive = task.libvirtd  # type: ignore[misc]
        self.task = task

    def run_it(self) -> None:
        task = self.task
        if task.listed is None:
            self.play_seed(task.seed, task.count, task.libvirtd, task.kinds)
        else:
            self.play_list(task.seed, task.listed)


def run(task: Task) -> Run:
    """Play one seed or list, in this process."""
    case = _Case(task)
    result: Any = unittest.TestResult()
    case.run(result)
    told = [text for _, text in result.errors + result.failures]
    return Run(task.seed, task.libvirtd,
               dict(case.player.counts) if case.player else {},
               list(map(str, case.played)), '\n'.join(told) or None)


def loop(first: Task, end: float, runs: int | None) -> Iterator[Run]:
    """Seeds, one after the other, as many at a time as there are cores."""
    seeds = iter(itertools.count(first.seed) if runs is None
                 else range(first.seed, first.seed + runs))
    workers = os.cpu_count() or 1
    with futures.ProcessPoolExecutor(
            workers, multiprocessing.get_context('spawn')) as pool:
        going: set[futures.Future[Run]] = set()
        while True:
            for seed in itertools.islice(seeds, workers - len(going)):
                if runs is None and time.monotonic() > end:
                    break
                alone = first.libvirtd or runs is None and (
                    seed - first.seed) % _LIBVIRTD_EVERY == 0
                going.add(pool.submit(run, dataclasses.replace(
                    first, seed=seed, libvirtd=alone)))
            if not going:
                return
            done, going = futures.wait(
                going, return_when=futures.FIRST_COMPLETED)
            yield from (future.result() for future in done)
