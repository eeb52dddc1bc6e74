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

"""Deletes: names at once; files when nothing stands on them."""

from tests.functional import engine
from tests.functional import guest as guests


class TestDelete(engine.EngineTest):

    def setUp(self) -> None:
        super().setUp()
        self.guest = guests.Guest(self).define().start()
        for name in ('a', 'b', 'c'):
            self.guest.mark(name)
            self.manager.create(self.guest.name, name)

    def delete(self, *names: str, **options: bool) -> list[str]:
        """Delete; returns the layers that went."""
        before = engine.layers(self.guest.files())
        plan = self.manager.plan_delete(self.guest.name, names, **options)
        self.assertEqual(before, engine.layers(self.guest.files()))
        done = self.manager.delete(self.guest.name, names, **options)
        self.assertEqual(plan, done)
        gone = [name for name in before
                if name not in engine.layers(self.guest.files())]
        self.assertEqual(sorted(done.removed_files), gone)
        return gone

    def test_middle_root_and_current_are_hidden(self) -> None:
        for count, (name, rest) in enumerate([
                ('b', ['a', 'c']), ('a', ['c']), ('c', [])], 1):
            self.assertEqual([], self.delete(name))
            self.assertEqual(rest, self.names(self.guest))
            self.assert_clean(self.guest, *['merge-pending'] * count)
        self.guest.wait_more_ticks()
        self.guest.destroy()
        self.manager.settle(self.guest.name)
        self.assertEqual('c', self.guest.on_disk().mark)

    def test_names_can_be_used_again(self) -> None:
        self.delete('b')
        self.guest.mark('b2')
        self.manager.create(self.guest.name, 'b')
        self.manager.revert(self.guest.name, 'b')
        self.assertEqual('b2', self.guest.found().mark)
        self.assert_clean(self.guest, 'merge-pending')

    def test_branches_are_unlinked_leaf_by_leaf(self) -> None:
        self.manager.revert(self.guest.name, 'a', safety=False)
        # c's upper layer went with the revert; c and b are a branch now
        self.guest.wait_for('^READY')
        self.guest.mark('a1')
        self.manager.create(self.guest.name, 'a1')
        self.assertEqual([], self.delete('b'))
        self.assert_clean(self.guest, 'merge-pending')
        self.assertEqual(2, len(self.delete('c')))
        self.assertEqual(['a', 'a1'], self.names(self.guest))
        self.assert_clean(self.guest)
        self.manager.revert(self.guest.name, 'a')
        self.assertEqual('a', self.guest.found().mark)

    def test_children(self) -> None:
        self.manager.revert(self.guest.name, 'a', safety=False)
        self.assertEqual(2, len(self.delete('b', children=True)))
        self.assertEqual(['a'], self.names(self.guest))
        self.assert_clean(self.guest)

    def test_all(self) -> None:
        self.manager.revert(self.guest.name, 'b')
        self.delete(everything=True)
        self.assertEqual([], self.names(self.guest))
        self.assert_clean(self.guest, 'merge-pending', 'merge-pending')
        self.guest.destroy()
        self.manager.settle(self.guest.name)
        self.assertEqual('b', self.guest.on_disk().mark)
        self.assertTrue(self.guest.base_unchanged())
