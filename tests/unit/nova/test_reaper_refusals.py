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


"""A handle that is missing, and no proof that it was deleted."""

from tests.unit.nova import base
from tests.unit.nova import fakes

SERVER = base.SERVER


class TestNoProof(base.RulesTestCase):
    def test_lost_role(self):
        self.glance.admin = False
        self.assert_kept('h')
        self.assertIn('no image of another project',
                      self.ledger.passes.waiting['h'])
        self.assertEqual({}, self.ledger.passes.unconfirmed)

    def test_lost_role_is_logged_once(self):
        self.glance.admin = False
        self.run_grace()
        self.assertEqual(1, self.log.output.count('no image of another'))

    def test_public_is_no_witness(self):
        self.glance.images['w']['visibility'] = 'public'
        self.delete('h')
        self.assert_kept('h')

    def test_own_is_no_witness(self):
        self.glance.images['w']['owner'] = 'service'
        self.delete('h')
        self.assert_kept('h')

    def test_shared_with_us_is_no_witness(self):
        self.glance.images['w']['visibility'] = 'shared'
        self.glance.members['w'] = ['service', 'another']
        self.delete('h')
        self.assert_kept('h')

    def test_shared_with_others_is_one(self):
        self.glance.images['w']['visibility'] = 'shared'
        self.glance.members['w'] = ['friend']
        self.delete('h')
        self.run_grace()
        self.assert_reaped()

    def test_without_witness_the_grace_begins_anew(self):
        self.delete('h')
        self.run_passes(fakes.GRACE // fakes.INTERVAL)
        self.glance.statuses['w'] = 404
        self.run_passes()
        self.assertIsNone(self.ledger.handles['h'].missing_since)
        del self.glance.statuses['w']
        self.run_passes(fakes.GRACE // fakes.INTERVAL)
        self.assertEqual(['h'], self.engine.ids())
        self.run_passes()
        self.assert_reaped()

    def test_other_user_roles_project_or_endpoint(self):
        self.delete('h')
        was = self.glance.identities[0]
        for old, new in (('user=u', 'user=v'), ('admin', 'admin,x'),
                         ('project=service', 'project=p'),
                         ('//glance', '//another')):
            self.glance.identities = [was.replace(old, new)]
            self.assert_kept('h')
            self.assertIn('other credentials',
                          self.ledger.passes.waiting['h'])

    def test_another_user_that_sees_it(self):
        self.glance.identities = ['http://glance user=new']
        self.run_passes(2)
        self.delete('h')
        self.run_grace()
        self.assert_reaped()

    def test_identity_changes_within_a_pass(self):
        self.delete('h')
        self.glance.identities = [*self.glance.identities, 'b']
        self.run_passes()
        self.assertIn('changed meanwhile', self.ledger.passes.last_result)
        self.assertIsNone(self.ledger.handles['h'].vanished_at)

    def test_empty_glance(self):
        self.glance.images.clear()
        self.assert_kept('h')

    def test_another_glance(self):
        self.glance.images.clear()
        self.glance.add('x', owner='another')
        self.assert_kept('h')

    def test_database_from_before(self):
        """Others are as they were, but nothing is that was made later."""
        self.make_handle('later')
        self.glance.touch('w')
        self.run_passes()
        old = dict(self.glance.images['w'],
                   updated_at=self.glance.images['w']['created_at'],
                   created_at='2025-01-01T00:00:00Z')
        old['updated_at'] = '2025-01-01T00:00:00Z'
        self.glance.images = {'w': old}
        self.assert_kept('h', 'later')
        self.assertIn('backup', self.ledger.passes.unconfirmed['h'])

    def test_database_from_before_then_used(self):
        self.glance.add('old', owner='another',
                        created_at='2020-01-01T00:00:00Z')
        self.run_passes()
        self.assertEqual(['old', 'w'], sorted(
            self.ledger.handles['h'].proofs))
        self.glance.images = {'old': self.glance.images['old']}
        self.glance.touch('old')
        self.glance.add('w', owner='another')  # of the same id
        self.assert_kept('h')

    def test_no_newer_image(self):
        self.make_handle('newest')
        self.run_passes()
        self.delete('newest')
        self.assert_kept('h', 'newest')
        self.assertEqual(['newest'], list(self.ledger.passes.unconfirmed))

    def test_never_seen(self):
        self.engine.add(SERVER, 'unseen')
        self.assert_kept('h', 'unseen')
        self.assertEqual(['unseen'], self.ledger.passes.unreapable)

    def test_one_pass_is_never_enough(self):
        self.engine.options.reap_grace = 0
        self.delete('h')
        self.run_passes()
        self.assertEqual(['h'], self.engine.ids())
        self.run_passes()
        self.assert_reaped()

    def test_time_that_was_not_watched(self):
        self.delete('h')
        self.run_passes()
        self.run_passes(4, each=10 * fakes.GRACE)  # it was off, say
        self.assertEqual(['h'], self.engine.ids())

    def test_clock_that_goes_back(self):
        self.delete('h')
        self.run_passes(3)
        self.run_passes(1, each=-10 * fakes.GRACE)
        self.run_passes(fakes.GRACE // fakes.INTERVAL - 4)
        self.assertEqual(['h'], self.engine.ids())

    def test_lost_ledger(self):
        self.delete('h')
        self.run_passes(2)
        with self.file.changing() as ledger:
            ledger.handles.clear()
        self.assert_kept('h')

    def test_lost_ledger_is_made_anew(self):
        with self.file.changing() as ledger:
            ledger.handles.clear()
            ledger.witnesses.clear()
        self.passes = self.make_passes()
        self.run_passes(2)
        self.delete('h')
        self.run_grace()
        self.assert_reaped()
