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

"""What every operation works on."""

import collections
from typing import TypeAlias

import snapdriver
from tests.functional import engine
from tests.functional.faults import base
from tests.functional.fuzz import machine as machines
from tests.functional.fuzz import oracle as oracles

#: What may be so after an operation; the likeliest last.
Futures: TypeAlias = list[oracles.Oracle]


class Impossible(Exception):
    """An operation that makes no sense now; only in a shortened list."""


class Scene:
    """A machine, and what is right about it.

    :param limits: the options that a verb can be refused for.
    :ivar oracle: what the machine is.
    :ivar names: label to name of each snapshot.
    :ivar how: what is added to the operation's word when it is counted.
    :ivar outcome: the same, at its end.
    """

    def __init__(self, test: base.FaultTest, machine: machines.Machine,
                 limits: dict[str, int]) -> None:
        self.test = test
        self.machine = machine
        self.limits = limits
        self.oracle = oracles.Oracle(
            {name: oracles.Active() for name in machines.DISKS},
            safety_keep=limits['safety_keep'])
        self.names: dict[str, str] = {}
        self.how = self.outcome = ''
        self.counts: dict[str, int] = collections.Counter()

    @property
    def manager(self) -> snapdriver.SnapshotManager:
        return self.test.manager

    @property
    def full(self) -> bool:
        """Whether no more snapshots may be made."""
        return self.has_enough() or self.is_too_deep([
            path.name for path in self.machine.active_files().values()])

    def has_enough(self) -> bool:
        """Whether it has as many snapshots as it may have."""
        return (self.oracle.named()
                >= self.limits['max_snapshots_per_instance'])

    def depth(self, file: str) -> int:
        """How many layers an image consists of, as qemu-img sees it."""
        folder = self.machine.directory
        return sum(path.startswith(f'{folder}/')
                   for path in engine.backing_chain(folder / file))

    def is_too_deep(self, files: list[str]) -> bool:
        """Whether one of those images can carry no more layers."""
        return any(self.depth(file) >= self.limits['max_chain_depth']
                   for file in files)
