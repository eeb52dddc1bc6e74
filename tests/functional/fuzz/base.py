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

"""A run of operations from a seed, or from a list."""

from collections.abc import Iterable
from collections.abc import Sequence
import random
from typing import Any

from testtools import content
from testtools import content_type

from snapdriver.model import Power
from tests.functional.faults import base
from tests.functional.fuzz import machine as machines
from tests.functional.fuzz import operations
from tests.functional.fuzz import player as players
from tests.functional.fuzz import scene

#: After what qemu-img may count clusters that nobody uses.
_LEAKS = ('die', 'killed', 'dies')


class FuzzTest(base.FaultTest):
    """Plays, compares after each operation, and takes all apart at the end.

    :ivar played: the operations so far.
    """

    timeout = 600

    def setUp(self) -> None:
        super().setUp()
        self.played: list[operations.Operation] = []
        self.player: players.Player | None = None

    def play_seed(self, seed: int, count: int, libvirtd: bool = False,
                  kinds: Sequence[str] = ()) -> None:
        """Play as many operations as are told, chosen by a seed.

        :param libvirtd: whether libvirtd may be killed.
        :param kinds: of snapshots; all if empty.
        """
        self._tell('seed', f'{seed}; "tools/test fuzz --seed {seed} --runs 1'
                   f'{" --libvirtd" * libvirtd}" plays it again')
        player = self._begin(seed)
        chooser = operations.Chooser(
            random.Random(seed), machines.DISKS,
            kinds or self.manager.kinds,
            hasattr(self.manager, 'merge'), libvirtd)
        number = 0
        while len(self.played) < count:
            number += 1
            self._play(player, chooser.choose(
                number, player.oracle, player.full))
        self._end(player, random.Random(seed))

    def play_list(self, seed: int,
                  listed: Iterable[operations.Operation]) -> None:
        """Play a list, without what has become impossible.

        :param seed: that it is from.
        """
        player = self._begin(seed)
        for operation in listed:
            self._play(player, operation)
        self._end(player, random.Random(seed))

    def _begin(self, seed: int) -> players.Player:
        chance = random.Random(~seed)
        limits = {'max_chain_depth': chance.choice((4, 8, 16)),
                  'max_snapshots_per_instance': chance.choice((3, 6, 10)),
                  'safety_keep': chance.choice((1, 1, 2, 3))}
        self.set(max_snapshot_bytes_per_instance=0, **limits)
        self._tell('limits', limits)
        self.addDetail('operations', content.Content(
            content_type.UTF8_TEXT,
            lambda: ['\n'.join(map(str, self.played)).encode()]))
        machine = machines.Machine(self)
        machine.define()
        self.manager.settle(machine.name)
        self.player = players.Player(self, machine, limits)
        return self.player

    def _play(self, player: players.Player,
              operation: operations.Operation) -> None:
        self.played.append(operation)
        try:
            player.play(operation)
        except scene.Impossible:
            self.played.pop()

    def _end(self, player: players.Player, chance: random.Random) -> None:
        """Every snapshot can be gone to, and then everything deleted."""
        machine, oracle = player.machine, player.oracle
        if oracle.up:
            machine.destroy()
        elif oracle.saved:
            machine.dom.managedSaveRemove()
        self.manager.settle(machine.name)
        oracle = oracle.but(power=Power.SHUTOFF, saved=False, settled=True)
        player.compare([oracle], everything=True)
        harmless = {'merge-pending'}
        if any(how.endswith(_LEAKS) for how in player.counts):
            harmless.add('image-leaks')  # who dies gives nothing back
        self.assertEqual([], [
            (f.code, f.message)
            for f in self.manager.check(machine.name, deep=True)
            if f.code not in harmless])
        labels = list(oracle.snapshots)
        for label in chance.sample(labels, len(labels)):
            if player.can_revert(label):
                self.manager.revert(
                    machine.name, player.names[label], safety=False,
                    power=Power.SHUTOFF)
                player.compare([player.oracle.revert(
                    label, 0, power=Power.SHUTOFF).settle()],
                    everything=False)
        self.manager.delete(machine.name, [], everything=True)
        player.compare([player.oracle.delete([], everything=True)],
                       everything=True)
        self.try_boot(machine)

    def _tell(self, what: str, value: Any) -> None:
        self.addDetail(what, content.text_content(str(value)))
