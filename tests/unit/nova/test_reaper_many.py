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


"""Many handles that vanish at once, and what the operator confirms."""

from tests.unit.nova import base

SERVER = base.SERVER


class TestMany(base.RulesTestCase):
    def setUp(self):
        super().setUp()
        self.ids = ['a', 'b', 'c', 'd']
        for image_id in self.ids:
            self.make_handle(image_id)
        self.glance.touch('w')
        self.run_passes()

    def confirm(self):
        with self.file.changing() as ledger:
            ledger.confirmed = sorted(ledger.passes.unconfirmed)

    def test_nothing_is_deleted(self):
        self.delete(*self.ids)
        self.assert_kept('h', *self.ids)
        self.assertEqual(self.ids, sorted(self.ledger.passes.unconfirmed))
        self.assertIn('4 handles of this host vanished', self.log.output)

    def test_one_after_the_other(self):
        for image_id in self.ids:
            self.delete(image_id)
            self.run_passes(2)
        self.assert_kept('h', *self.ids)

    def test_not_even_when_some_are_removed_by_hand(self):
        self.delete(*self.ids)
        self.run_passes()
        self.engine._delete(SERVER, ['a', 'b'])
        self.assert_kept('c', 'd', 'h')

    def test_those_that_cannot_be_looked_at_count(self):
        self.delete(*self.ids)
        self.run_passes()
        self.glance.statuses = dict.fromkeys(['a', 'b', 'c'], 500)
        self.assert_kept('h', *self.ids)

    def test_over_a_longer_time_they_are_users_doings(self):
        for image_id in self.ids:
            self.delete(image_id)
            self.run_grace()
        self.assert_reaped('h')

    def test_of_many_handles(self):
        more = [f'm{number:02}' for number in range(45)]
        for image_id in more:
            self.make_handle(image_id, visibility='private')
        self.glance.touch('w')
        self.run_passes()
        self.delete(*self.ids)  # 4 of 50
        self.run_grace()
        self.assert_reaped('h', *more)

    def test_confirmed(self):
        self.delete(*self.ids)
        self.run_grace()
        self.confirm()
        self.run_passes()
        self.assert_reaped('h')
        self.assertEqual([], self.ledger.confirmed)

    def test_confirmed_before_the_grace_is_over(self):
        self.delete(*self.ids)
        self.run_passes()
        self.confirm()
        self.run_passes(3)
        self.assertEqual(sorted(['h', *self.ids]), self.engine.ids())
        self.run_grace()
        self.assert_reaped('h')

    def test_confirmation_is_for_those_only(self):
        self.delete(*self.ids)
        self.run_grace()
        self.confirm()
        others = ['p', 'q', 'r', 's']
        for image_id in others:
            self.make_handle(image_id)
        self.glance.touch('w')
        self.run_passes()
        self.delete(*others)
        self.run_grace()
        self.assert_reaped('h', *others)

    def test_confirmation_ends_when_it_is_seen(self):
        image = self.glance.images['a']
        self.delete(*self.ids)
        self.run_passes()
        self.confirm()
        self.glance.images['a'] = image
        self.run_passes()
        self.assertEqual(['b', 'c', 'd'], self.ledger.confirmed)

    def test_confirmation_is_no_witness(self):
        self.delete(*self.ids)
        self.run_grace()
        self.confirm()
        self.glance.admin = False
        self.assert_kept('h', *self.ids)

    def test_confirmed_without_a_newer_image(self):
        self.make_handle('newest')
        self.run_passes()
        self.delete('newest')
        self.run_grace()
        self.confirm()
        self.run_passes()
        self.assert_reaped('h', *self.ids)
