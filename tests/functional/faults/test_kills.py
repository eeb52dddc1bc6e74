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

"""kill -9 of our process at every phase of every verb (invariant I4)."""

from collections.abc import Callable
import itertools
import unittest

from snapdriver import exception
from snapdriver import journal
from snapdriver import model
from tests.functional import engine
from tests.functional import guest as guests
from tests.functional import host
from tests.functional.faults import base
from tests.functional.faults import scenarios


class TestKills(base.FaultTest):
    """The tests are made from the table, at the end of this file."""

    def whole(self, scenario: scenarios.Scenario) -> None:
        """Nobody is killed: what is announced is what the table has."""
        guest = self.prepare(scenario)
        victim = self.run_victim(scenario.verb, guest, *scenario.arguments,
                                 **scenario.named)
        self.assertNotIsInstance(victim.answer, Exception)
        self.assertEqual(list(scenario.phases), victim.phases)
        self.assertEqual([], list(self.manager.recover(guest.name)))
        self.finish(guest, scenario.after)

    def kill(self, scenario: scenarios.Scenario, index: int,
             mode: str) -> None:
        guest = self.prepare(scenario)
        victim = self.run_victim(scenario.verb, guest, *scenario.arguments,
                                 signal_at=index, **scenario.named)
        self.assertEqual(list(scenario.phases[:index + 1]), victim.phases)
        if guest.dom.isActive():
            if mode == 'ran':
                guest.destroy()
        else:
            # It boots as it is, on one of both data, the same on all disks.
            self.assertIn(self.active_marks(guest), (
                {scenario.before.active}, {scenario.after.active}))
            if mode in ('ran', 'runs'):
                self.try_boot(guest, stop=mode == 'ran')
        if mode == 'ran':
            self.write(guest, 'later')
        self.recover(guest, scenario, mode)
        self.assert_recover_does_nothing(guest)
        must = scenario.phases[index] in _finished_from(scenario)
        lost = (mode == 'ran'
                and scenario.phases[index] in scenario.overwritten)
        self.finish(guest, *([] if must else [scenario.before]),
                    *([] if must else scenario.between), scenario.after,
                    mode='dies' if lost else mode)

    def recover(self, guest: guests.Guest, scenario: scenarios.Scenario,
                mode: str) -> None:
        runs = bool(guest.dom.isActive())
        try:
            if mode == 'dies':
                self.recover_dying(guest)
            self.manager.recover(guest.name)
        except exception.Unfinished:
            # Headers are not written while it runs: nothing else may wait.
            if not (scenario.verb == 'adopt' and mode == 'runs'):
                raise
            self.assertTrue(guest.dom.isActive())
            guest.destroy()
            self.try_boot(guest)
            self.manager.recover(guest.name)
        else:
            self.assertTrue(guest.dom.isActive() or not runs)

    def recover_dying(self, guest: guests.Guest) -> None:
        for index in itertools.count():
            if self.run_victim('recover', guest, signal_at=index).answer:
                return

    def prepare(self, scenario: scenarios.Scenario) -> guests.Guest:
        guest = guests.Guest(self, scenario.disks).define()
        steps: dict[str, Callable[[str], object]] = {
            'm': lambda mark: self.write(guest, mark),
            's': lambda name: self.manager.create(guest.name, name),
            'i': lambda name: self.manager.create(
                guest.name, name, kind='internal'),
            'r': lambda name: self.manager.revert(
                guest.name, name, safety=False),
            'x': lambda name: virsh_snapshot(guest, name),
            't': lambda name: self.tear(guest, name),
            'd': lambda name: self.manager.delete(guest.name, [name]),
            'b': lambda count: self.write_more(guest, int(count)),
            'up': lambda _: self.try_boot(guest, stop=False),
            'down': lambda _: guest.destroy(),
        }
        for step in scenario.story:
            word, _, argument = step.partition(':')
            steps[word](argument)
        return guest

    def tear(self, guest: guests.Guest, name: str) -> None:
        self.run_victim('create', guest, name, signal_at=2)
        operation = self.state(guest).operation
        assert operation is not None
        base.switch_behind_its_back(
            guest, operation.data['new']['disk']['file'])

    def finish(self, guest: guests.Guest, *worlds: scenarios.World,
               mode: str = 'now') -> None:
        """Everything is as in one of those worlds; it boots."""
        self.assert_sound(guest)
        if guest.dom.isActive():
            guest.destroy()
            self.manager.settle(guest.name)
            self.assert_sound(guest)
        actives = {'later'} if mode == 'ran' else {w.active for w in worlds}
        marks = self.active_marks(guest)
        found = {
            'safety' if info.safety else info.name: self.marks_of(guest, info)
            for info in self.manager.list(guest.name)}
        if mode == 'ran':
            self.assertEqual(actives, marks)
        self.assertIn((marks, found), [
            ({'later'} if mode == 'ran' else {world.active},
             {name: {mark} for name, mark in world.snapshots.items()})
            for world in worlds])
        self.try_boot(guest)
        if mode == 'now':
            self.revert_to_all(guest)

    def revert_to_all(self, guest: guests.Guest) -> None:
        for info in self.manager.list(guest.name):
            mark = self.marks_of(guest, info)
            self.manager.revert(guest.name, info.name, safety=False,
                                power=model.Power.SHUTOFF)
            self.assertEqual(mark, self.active_marks(guest))
        self.assert_sound(guest)
        self.try_boot(guest)


class TestCoverage(unittest.TestCase):

    def test_no_phase_is_without_a_kill(self) -> None:
        reached = {phase for scenario in scenarios.SCENARIOS
                   for phase in scenario.phases}
        known = {f'{verb}:{phase}' for verb, phases in journal.PHASES.items()
                 for phase in phases}
        self.assertEqual(known, reached)

    def test_each_phase_of_the_table_has_its_tests(self) -> None:
        for scenario in scenarios.SCENARIOS:
            self.assertTrue(hasattr(TestKills, f'test_{scenario.name}_whole'))
            for index, _ in enumerate(scenario.phases):
                for mode in _modes(scenario, index):
                    self.assertTrue(hasattr(
                        TestKills, _name(scenario, index, mode)))


def virsh_snapshot(guest: guests.Guest, name: str) -> None:
    """What somebody does who does not know snapdriver."""
    engine.virsh(
        'snapshot-create-as', guest.name, name, '--disk-only', '--atomic',
        *(word for disk in guest.disks for word in (
            '--diskspec', f'{disk.target},snapshot=external,'
            f'file={guest.directory}/{disk.name}.{name}')))
    host.as_root('chmod', '0600', *(
        guest.directory / f'{disk.name}.{name}' for disk in guest.disks))


def _finished_from(scenario: scenarios.Scenario) -> tuple[str, ...]:
    """The phases after which the verb may only be finished."""
    if scenario.verb not in ('create', 'revert'):
        return tuple(scenario.phases)
    return tuple(scenario.phases[
        scenario.phases.index(f'{scenario.verb}:committed'):])


def _modes(scenario: scenarios.Scenario, index: int) -> tuple[str, ...]:
    turn = index + scenarios.SCENARIOS.index(scenario)
    modes = scenario.modes or scenarios.MODES
    if scenario.modes and scenarios.EACH_MODE:
        return tuple(modes)
    return (modes[turn % len(modes)],)


def _name(scenario: scenarios.Scenario, index: int, mode: str) -> str:
    phase = scenario.phases[index].replace(':', '_')
    return f'test_{scenario.name}_{index:02}_{phase}_{mode}'


def _generate() -> None:
    for scenario in scenarios.SCENARIOS:
        def whole(self: TestKills,
                  scenario: scenarios.Scenario = scenario) -> None:
            self.whole(scenario)
        setattr(TestKills, f'test_{scenario.name}_whole', whole)
        for index, _ in enumerate(scenario.phases):
            for mode in _modes(scenario, index):
                def test(self: TestKills, index: int = index,
                         mode: str = mode,
                         scenario: scenarios.Scenario = scenario) -> None:
                    self.kill(scenario, index, mode)
                setattr(TestKills, _name(scenario, index, mode), test)


_generate()
