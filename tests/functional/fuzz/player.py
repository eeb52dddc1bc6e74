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

"""Playing operations on a machine, and comparing after each."""

from snapdriver import chain
from tests.functional.fuzz import comparison
from tests.functional.fuzz import happenings
from tests.functional.fuzz import operations
from tests.functional.fuzz import scene
from tests.functional.fuzz import verbs

#: After so many operations what each snapshot keeps is read.
_EVERYTHING_EVERY = 6
#: And always after these.
_MOVES_DATA = ('adopt', 'merge')
#: Findings that are no faults.
_PENDING = ('merge-pending', 'tag-pending')


class Player(verbs.Verbs, happenings.Happenings):
    """Does to a machine what an operation says, and compares."""

    def play(self, operation: operations.Operation) -> None:
        """:raises Impossible: nothing was done."""
        self.how = self.outcome = ''
        futures = getattr(self, f'do_{operation.word}')(operation)
        self.counts[operation.word + self.how + self.outcome] += 1
        self.compare(futures, (
            len(futures) > 1 or operation.word in _MOVES_DATA
            or sum(self.counts.values()) % _EVERYTHING_EVERY == 0))

    def compare(self, futures: scene.Futures, everything: bool) -> None:
        """See that one of the futures is so, and go on from there."""
        seen = comparison.look(
            self.machine, self.manager.list(self.machine.name), everything)
        told = []
        for future in reversed(futures):
            names, differences = comparison.match(seen, future, self.names)
            if not differences:
                self.names = names  # others are free again
                self.oracle = future.but(
                    memory=future.memory if seen.memory is None
                    else seen.memory)
                self._see_sound()
                return
            told.append('; '.join(differences))
        raise AssertionError('; or else: '.join(told))

    def _see_sound(self) -> None:
        """``check``, the files, virsh: nothing is wrong."""
        test, machine = self.test, self.machine
        state = test.state(machine)
        test.assertIsNone(state.operation)
        expected = []
        unsettled = machine.unsettled()
        if not self.oracle.up and not self.oracle.saved:
            if self.oracle.settled:
                test.assertEqual([], unsettled)
            expected = ['unsettled'] * len(unsettled)
        found = test.manager.check(machine.name)
        test.assertEqual(
            expected, [f.code for f in found if f.code not in _PENDING],
            '; '.join(f.message for f in found))
        test.assertLessEqual(
            {state.layers[layer].file for layer in chain.hidden(state)},
            {f.subject for f in found if f.code == 'merge-pending'})
        if self.oracle.up or not machine.is_stale():
            test.assert_views_agree(machine)
        test.assert_no_leak(machine, state)
        test.assertTrue(machine.base_unchanged())
        for path in machine.active_files().values():
            test.assertLessEqual(self.depth(path.name),
                                 self.limits['max_chain_depth'])
