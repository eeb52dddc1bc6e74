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

"""Somebody starts a shut-off domain while a verb changes its layers."""

from snapdriver import exception
from snapdriver import journal
from tests.functional import engine
from tests.functional import guest as guests


class TestStartedMeanwhile(engine.EngineTest):

    def setUp(self) -> None:
        super().setUp()
        self.guest = guests.Guest(self).define().start()
        self.guest.mark('a')
        self.guest.destroy()
        self.manager.create(self.guest.name, 'a')
        self.guest.start()
        self.guest.mark('newest')
        self.guest.destroy()

    def start_at(self, verb: str, phase: str) -> None:
        def observe(reached_verb: str, reached: str) -> None:
            if (reached_verb, reached) == (verb, phase):
                journal.observer = None
                self.guest.start()

        self.addCleanup(setattr, journal, 'observer', None)
        journal.observer = observe

    def test_create_is_undone(self) -> None:
        files = set(self.guest.files())
        self.start_at('create', 'overlaid')
        error = self.assertRaises(exception.Refused, self.manager.create,
                                  self.guest.name, 'b')
        self.assertIn('started it meanwhile', str(error))
        self.assert_undone(files)

    def test_revert_is_undone(self) -> None:
        files = set(self.guest.files())
        self.start_at('revert', 'stopped')
        error = self.assertRaises(exception.Refused, self.manager.revert,
                                  self.guest.name, 'a')
        self.assertIn('started it meanwhile', str(error))
        self.assert_undone(files)

    def assert_undone(self, files: set[str]) -> None:
        """The guest runs on what it had, and nothing is left behind."""
        self.assertEqual(['a'], self.names(self.guest))
        self.assertEqual(files, set(self.guest.files()))
        self.assertEqual('newest', self.guest.found().mark)
        self.guest.mark('later')
        self.assert_clean(self.guest)
        self.guest.destroy()
        self.manager.settle(self.guest.name)
        self.guest.start()
        self.assertEqual('later', self.guest.found().mark)
        self.manager.revert(self.guest.name, 'a')
        self.assertEqual('a', self.guest.found().mark)
        self.assert_clean(self.guest)

    def test_start_on_the_new_layer_is_no_harm(self) -> None:
        self.start_at('create', 'switched')
        self.manager.create(self.guest.name, 'b')
        self.assertEqual('newest', self.guest.found().mark)
        self.assert_clean(self.guest)
        self.guest.mark('later')
        self.manager.revert(self.guest.name, 'b')
        self.assertEqual('newest', self.guest.found().mark)
