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

"""All disks or none (I7), and what is in the way of a new file (I3)."""

import pathlib

from snapdriver import exception
from snapdriver import journal
from tests.functional import engine
from tests.functional import guest as guests


class TestAtomic(engine.EngineTest):

    def setUp(self) -> None:
        super().setUp()
        self.guest = guests.Guest(self, ('disk', 'disk.eph0')).define()

    def fail_at(self, verb: str, phase: str) -> None:
        """Take the second disk's overlay away at that phase."""
        def observe(reached_verb: str, reached: str) -> None:
            if (reached_verb, reached) == (verb, phase):
                journal.observer = None
                new = self.state(self.guest).operation.data['new']
                pathlib.Path(self.guest.directory,
                             new['disk.eph0']['file']).unlink()

        self.addCleanup(setattr, journal, 'observer', None)
        journal.observer = observe

    def assert_as_before(self, before: set[str], names: list[str]) -> None:
        self.assertEqual(before | {'snapdriver'}, set(self.guest.files()))
        self.assertEqual(names, self.names(self.guest))
        self.assert_clean(self.guest)

    def test_create_running(self) -> None:
        self.guest.start()
        before = set(self.guest.files())
        self.fail_at('create', 'overlaid')
        error = self.assertRaises(
            exception.LibvirtFailed, self.manager.create, self.guest.name)
        self.assertIn('missing', str(error))
        self.assert_as_before(before, [])
        self.guest.wait_more_ticks()

    def test_create_shut_off(self) -> None:
        before = set(self.guest.files())
        self.fail_at('create', 'overlaid')
        self.assertRaises(
            exception.FileMissing, self.manager.create, self.guest.name)
        self.assert_as_before(before, [])
        self.guest.start()

    def test_revert(self) -> None:
        self.guest.start()
        self.guest.mark('a', 'vdb')
        self.manager.create(self.guest.name, 'a')
        self.guest.mark('b', 'vdb')
        before = set(self.guest.files())
        self.fail_at('revert', 'overlaid')
        self.assertRaises(exception.FileMissing, self.manager.revert,
                          self.guest.name, 'a')
        # It was stopped already: it runs again, on what it had.
        self.assertEqual('b', self.guest.found('vdb').mark)
        self.assert_as_before(before, ['a'])
