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

"""virsh's view is a view: lost, changed or cut off, it is made again (I2)."""

from tests.functional import engine
from tests.functional import guest as guests


class TestView(engine.EngineTest):

    def setUp(self) -> None:
        super().setUp()
        self.guest = guests.Guest(self).define()
        for name in ('a', 'b', 'c'):
            self.manager.create(self.guest.name, name)
        self.assert_clean(self.guest)

    def codes(self) -> set[str]:
        return {f.code for f in self.manager.check(self.guest.name)}

    def test_metadata_dropped_by_hand(self) -> None:
        engine.virsh('snapshot-delete', self.guest.name, 'b', '--metadata')
        self.assertEqual({'view-differs'}, self.codes())
        self.manager.recover(self.guest.name)
        self.assert_clean(self.guest)

    def test_current_changed_by_hand(self) -> None:
        engine.virsh('snapshot-current', self.guest.name, 'a')
        self.assertEqual({'view-differs'}, self.codes())
        self.manager.recover(self.guest.name)
        self.assert_clean(self.guest)

    def test_description_lost_or_cut_off(self) -> None:
        folder = self.guest.directory / 'snapdriver'
        for damage in (lambda file: file.unlink(),
                       lambda file: file.write_text('<domain><dev')):
            file = folder / f'{self.manager.show(self.guest.name, "b").id}.xml'
            damage(file)
            engine.virsh('snapshot-delete', self.guest.name, 'b',
                         '--metadata')
            self.manager.revert(self.guest.name, 'b')
            self.assert_clean(self.guest)

    def test_what_others_made_is_left_alone(self) -> None:
        engine.virsh('snapshot-create-as', self.guest.name, 'theirs')
        self.manager.create(self.guest.name, 'd')
        self.manager.revert(self.guest.name, 'd')
        self.assertIn('theirs', engine.virsh(
            'snapshot-list', self.guest.name, '--name').split())
        self.assertEqual({'snapshot-unknown'}, self.codes())

    def test_definition_keeps_its_words(self) -> None:
        """Nova finds its metadata as it wrote it, and no chain is defined."""
        self.manager.settle(self.guest.name)
        xml = self.guest.dom.XMLDesc()
        self.assertIn('<nova:instance', xml)
        self.assertNotIn('backingStore', xml)
