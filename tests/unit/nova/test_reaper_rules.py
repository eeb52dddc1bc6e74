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


"""What counts as a deletion of a handle, and all that does not."""

from tests.unit.nova import base
from tests.unit.nova import fakes

SERVER = base.SERVER


class TestReaped(base.RulesTestCase):
    def test_after_one_grace(self):
        self.delete('h')
        self.run_passes()  # now it is missing
        self.run_passes(fakes.GRACE // fakes.INTERVAL - 1)
        self.assertEqual(['h'], self.engine.ids())
        self.assertEqual({'h': 'it has not been missing for long enough'},
                         self.ledger.passes.waiting)
        self.run_passes()
        self.assert_reaped()
        self.engine.manager.delete.assert_called_once_with(SERVER, ['h'])
        self.assertNotIn('h', self.ledger.handles)
        self.assertEqual(1, self.ledger.passes.reaped)

    def test_under_novas_lock(self):
        held = []
        self.engine.manager.delete.side_effect = (
            lambda server, ids: held.append(self.servers.held))
        self.delete('h')
        self.run_grace()
        self.assertEqual([SERVER], held)

    def test_merged_only_after_another(self):
        self.delete('h')
        self.run_grace()
        self.assertAlmostEqual(
            self.clock.now + fakes.GRACE, self.ledger.merge_after[SERVER],
            delta=3 * fakes.INTERVAL)

    def test_across_restarts(self):
        self.delete('h')
        for _ in range(fakes.GRACE // fakes.INTERVAL + 2):
            self.passes = self.make_passes()
            self.run_passes()
        self.assert_reaped()

    def test_with_errors_between(self):
        self.delete('h')
        for _ in range(fakes.GRACE // fakes.INTERVAL + 1):
            self.run_passes()
            self.glance.statuses['h'] = 503
            self.run_passes()
            del self.glance.statuses['h']
        self.assert_reaped()

    def test_by_another_witness_later(self):
        self.run_passes()
        self.glance.add('x', owner='another')
        self.run_passes()
        self.delete('h')
        self.run_passes(3)
        self.delete('w')
        self.run_grace()
        self.assert_reaped()

    def test_proof_that_was_changed_since(self):
        self.delete('h')
        self.glance.touch('w')
        self.run_grace()
        self.assert_reaped()

    def test_older_image_that_was_changed(self):
        self.glance.add('old', created_at='2020-01-01T00:00:00Z')
        self.delete('w')
        self.make_handle('newest')
        self.glance.touch('old')
        self.run_passes()
        self.delete('newest')
        self.run_grace()
        self.assert_reaped('h')

    def test_few_at_once(self):
        for image_id in 'abc':
            self.make_handle(image_id)
        self.glance.touch('w')
        self.run_passes()
        self.delete('a', 'b', 'c')
        self.run_grace()
        self.assert_reaped('h')


class TestExists(base.RulesTestCase):
    def test_any_status(self):
        for status in ('deactivated', 'pending_delete', 'deleted', 'killed',
                       'queued', 'saving', 'importing', ''):
            self.glance.images['h']['status'] = status
            self.assert_kept('h')

    def test_every_answer_but_404(self):
        for status in (200, 204, 300, 301, 400, 401, 403, 409, 410, 500, 502,
                       503):
            self.glance.statuses['h'] = status
            self.assert_kept('h')
        self.assertIsNone(self.ledger.handles['h'].vanished_at)

    def test_another_image(self):
        self.glance.images['h'] = dict(self.glance.images['w'])
        self.assert_kept('h')

    def test_glance_down(self):
        self.delete('h')
        self.glance.down = True
        self.assert_kept('h')
        self.assertIn('no route', self.ledger.passes.last_result)
        self.assertNotEqual(self.ledger.passes.last_at,
                            self.ledger.passes.last_success_at)

    def test_seen_again(self):
        image = self.glance.images['h']
        for _ in range(3):
            self.delete('h')
            self.run_passes(fakes.GRACE // fakes.INTERVAL)
            self.glance.images['h'] = image
            self.run_passes()
        self.assertEqual(['h'], self.engine.ids())
        self.assertIsNone(self.ledger.handles['h'].missing_since)
