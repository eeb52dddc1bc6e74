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

"""The phases: only those of the table, and all of them."""

import ast
import pathlib
from unittest import mock

import testtools

import snapdriver
from snapdriver import journal

_ANNOUNCERS = ('begin', 'advance', 'passed', 'finish', 'reached',
               '_begin')


def _announced() -> set[str]:
    """Every string that the code hands to something that announces."""
    found = set()
    for path in pathlib.Path(snapdriver.__file__).parent.rglob('*.py'):
        for node in ast.walk(ast.parse(path.read_text())):
            if (isinstance(node, ast.Call)
                    and _name(node.func) in _ANNOUNCERS):
                found.update(argument.value for argument in node.args
                             if isinstance(argument, ast.Constant))
    return {each for each in found if isinstance(each, str)}


def _name(function: ast.expr) -> str:
    """What is called, without what it is called on."""
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ''


class JournalTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.seen: list[tuple[str, str]] = []

    def _observe(self, verb: str, phase: str) -> None:
        self.seen.append((verb, phase))

    def test_nobody_listens_in_production(self) -> None:
        self.assertIsNone(journal.observer)
        journal.reached('create', 'planned')

    def test_every_phase_is_told(self) -> None:
        told = [(verb, phase) for verb, phases in journal.PHASES.items()
                for phase in phases]
        with mock.patch.object(journal, 'observer', self._observe):
            for verb, phase in told:
                journal.reached(verb, phase)
        self.assertEqual(told, self.seen)

    def test_unknown_phases_are_refused(self) -> None:
        with mock.patch.object(journal, 'observer', self._observe):
            for verb, phase in (('create', 'unnamed'), ('create', ''),
                                ('unknown', 'planned'), ('', '')):
                self.assertRaises(ValueError, journal.reached, verb, phase)
        self.assertEqual([], self.seen)

    def test_no_phase_twice(self) -> None:
        for verb, phases in journal.PHASES.items():
            self.assertEqual(len(phases), len(set(phases)), verb)

    def test_every_phase_of_the_table_is_announced_somewhere(self) -> None:
        table = {phase for phases in journal.PHASES.values()
                 for phase in phases}
        self.assertEqual(set(), table - _announced())
