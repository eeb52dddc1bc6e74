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


"""What a pass does, besides its rules: servers, unfinished ones, doomed."""

import json
from unittest import mock

from snapdriver import exception
from snapdriver.nova import doomed
from snapdriver.nova import glance
from tests.unit.nova import base
from tests.unit.nova import fakes

SERVER, OTHER = base.SERVER, fakes.OTHER


class TestServers(base.ReaperTestCase):
    def setUp(self):
        super().setUp()
        self.make_handle('h')
        self.glance.add('w', owner='another')
        self.run_passes()
        del self.glance.images['h']

    def test_one_that_nova_is_busy_with(self):
        self.servers.refusals[SERVER] = 'its task state is rebuilding'
        self.assert_kept('h')
        self.assertEqual({'h': 'its task state is rebuilding'},
                         self.ledger.passes.waiting)
        self.servers.refusals.clear()
        self.run_passes()
        self.assert_reaped()

    def test_one_fails_and_others_do_not(self):
        self.glance.add('i')
        self.engine.add(OTHER, 'i', created_at=self.clock.now)
        self.passes.saw(OTHER, 'i')
        self.glance.touch('w')
        self.run_passes()
        del self.glance.images['i']
        self.engine.manager.delete.side_effect = (
            lambda server, ids: self._fail() if server == SERVER
            else self.engine._delete(server, ids))
        self.run_grace()
        self.assert_reaped('h')
        self.assert_reaped(server=OTHER)
        self.assertIn('out of order', self.ledger.passes.waiting['h'])

    def _fail(self):
        raise exception.Refused('delete', 'web', ['it is out of order'])

    def test_paused(self):
        with self.file.changing() as ledger:
            ledger.paused = True
        self.assert_kept('h')
        with self.file.changing() as ledger:
            ledger.paused = False
        self.run_passes()
        self.assert_reaped()

    def test_state_that_cannot_be_read(self):
        self.engine.broken.add(SERVER)
        self.run_grace()
        self.assertIn('h', self.ledger.handles)
        self.engine.broken.clear()
        self.run_grace()
        self.assert_reaped()

    def test_server_that_is_away_for_a_while(self):
        states, self.engine.states = self.engine.states, {}
        self.run_grace()
        self.assertIn('h', self.ledger.handles)
        self.engine.states = states
        self.run_grace()
        self.assert_reaped()

    def test_state_of_another_host(self):
        self.engine.add(SERVER, host='there')
        self.assert_kept('h')

    def test_snapshot_that_was_deleted_by_hand(self):
        self.engine._delete(SERVER, ['h'])
        self.run_passes()
        self.assertNotIn('h', self.ledger.handles)

    def test_merge_after_is_written_before_the_deletion(self):
        seen = []
        self.engine.manager.delete.side_effect = (
            lambda server, ids: seen.append(self.ledger.merge_after))
        self.run_grace()
        self.assertIn(SERVER, seen[0])

    def test_new_handle_during_a_pass(self):
        """It is not in the states that the pass has read before."""
        request = self.glance.request

        def saw(*arguments):
            self.glance.request = request
            self.make_handle('new')
            return request(*arguments)

        self.glance.request = saw
        self.passes.run()
        self.assertIn('new', self.ledger.handles)


class TestSaw(base.ReaperTestCase):
    def test_seen(self):
        self.glance.add('h', owner='tenant')
        self.assertTrue(self.passes.saw(SERVER, 'h'))
        handle = self.ledger.handles['h']
        self.assertEqual((SERVER, 'tenant', self.glance.identities[0]),
                         (handle.instance, handle.owner, handle.identity))

    def test_not_seen(self):
        self.assertFalse(self.passes.saw(SERVER, 'h'))
        self.assertIn('is not shown to', self.log.output)

    def test_forbidden(self):
        self.glance.status = 403
        self.assertFalse(self.passes.saw(SERVER, 'h'))

    def test_no_credentials(self):
        self.glance.down = True
        self.assertFalse(self.passes.saw(SERVER, 'h'))
        self.assertIn('no route', self.log.output)

    def test_no_ledger(self):
        self.glance.add('h')
        self.file._state_path = '/nowhere'
        self.assertFalse(self.passes.saw(SERVER, 'h'))
        self.passes.run()

    def test_anything_else(self):
        self.glance.identity = mock.Mock(side_effect=RuntimeError('bug'))
        self.assertFalse(self.passes.saw(SERVER, 'h'))


class TestUnfinished(base.ReaperTestCase):
    def setUp(self):
        super().setUp()
        self.engine.add(SERVER, 'h', created_at=self.clock.now - 5)

    def test_is_deleted_with_its_image(self):
        for status in ('queued', 'saving'):
            self.engine.add(SERVER, 'h', created_at=self.clock.now - 5)
            self.passes = self.make_passes()
            self.glance.add('h', status=status)
            self.run_passes()
            self.assert_reaped()
            self.assertNotIn('h', self.glance.images)
            self.assertEqual({}, self.ledger.doomed)

    def test_filled(self):
        self.glance.add('h')
        self.assert_kept('h')
        self.assertIn('h', self.ledger.handles)

    def test_of_this_process(self):
        self.engine.add(SERVER, 'h', created_at=self.clock.now + 5)
        self.glance.add('h', status='saving')
        self.assert_kept('h')
        self.assertNotIn('h', self.ledger.handles)

    def test_while_nova_works_on_it(self):
        self.servers.refusals[SERVER] = 'its task state is image_uploading'
        self.glance.add('h', status='saving')
        self.assert_kept('h')

    def test_safety(self):
        self.engine.add(SERVER, 'h', created_at=0.0, safety=True)
        self.glance.add('h', status='queued')
        self.assert_kept('h')

    def test_paused(self):
        with self.file.changing() as ledger:
            ledger.paused = True
        self.glance.add('h', status='queued')
        self.assert_kept('h')

    def test_glance_does_not_delete(self):
        self.glance.add('h', status='queued')
        request = self.glance.request
        self.glance.request = lambda method, *more: (
            (403, None) if method == 'DELETE' else request(method, *more))
        self.run_passes()
        self.assert_reaped()
        self.assertEqual(['h'], list(self.ledger.doomed))
        self.glance.request = request
        self.passes.bury()
        self.assertEqual({}, self.glance.images)


class TestDoomed(base.ReaperTestCase):
    def doom(self, *ids):
        doomed.add(self.file, SERVER, ids, self.clock.now)

    def test_deleted(self):
        self.make_handle('h')
        self.doom('h')
        del self.engine.states[SERVER]
        self.passes.bury()
        self.assertEqual(({}, {}), (self.glance.images, self.ledger.doomed))
        self.assertEqual(1, self.ledger.passes.undoomed)

    def test_until_it_can_be(self):
        self.make_handle('h')
        self.doom('h')
        self.glance.down = True
        self.passes.bury()
        self.glance.down = False
        for status in (403, 409, 500):
            self.glance.status = status
            self.passes.bury()
            self.assertIn(str(status), self.ledger.doomed['h'].error)
        self.glance.status = None
        self.passes.bury()
        self.assertEqual(({}, {}), (self.glance.images, self.ledger.doomed))

    def test_404_to_whom_has_seen_it(self):
        self.make_handle('h')
        self.doom('h')
        self.glance.images.clear()
        self.passes.bury()
        self.assertEqual({}, self.ledger.doomed)

    def test_404_to_others(self):
        self.make_handle('h')
        self.doom('h', 'unseen')
        self.glance.images.clear()
        self.glance.identities = ['another']
        self.passes.bury()
        self.assertEqual(['h', 'unseen'], sorted(self.ledger.doomed))
        self.passes.bury()
        self.assertEqual(1, self.log.output.count('handle unseen'))

    def test_no_question_without_one(self):
        self.passes.bury()
        self.assertEqual([], self.glance.asked)

    def test_before_the_directory_is_gone(self):
        self.make_handle('h')
        self.doom('h')
        self.run_passes()
        self.assertNotIn('h', self.ledger.handles)
        self.assertEqual(['h'], list(self.ledger.doomed))

    def test_survives_a_pass_and_a_restart(self):
        self.make_handle('h')
        self.doom('h')
        with open(self.file.path) as file:
            self.assertEqual(['h'], list(json.load(file)['doomed']))


class TestClient(base.ReaperTestCase):
    def test_gives_up_after_some_failures(self):
        self.glance.down = True
        client = glance.Client(self.glance)
        for _ in range(10):
            self.assertEqual(glance.Outcome.UNKNOWN,
                             client.look('h').outcome)
        self.assertEqual(3, len(self.glance.asked))

    def test_goes_on_after_one(self):
        self.glance.add('h')
        client = glance.Client(self.glance)
        for down in (True, True, False) * 3:
            self.glance.down = down
            client.look('h')
        self.assertEqual(glance.Outcome.EXISTS, client.look('h').outcome)

    def test_strange_lists(self):
        client = glance.Client(self.glance)
        for body in (None, [], {}, {'images': None}, {'images': [None]},
                     {'images': [{'id': 5}]}, 'text'):
            self.glance.request = lambda *a, b=body: (200, b)
            self.assertEqual([], client.recent())

    def test_strange_members(self):
        self.glance.add('h', visibility='shared')
        client, request = glance.Client(self.glance), self.glance.request
        for answer in ((403, None), (200, None), (200, {'members': [{}]})):
            self.glance.request = lambda m, path, *q, a=answer: (
                a if path.endswith('members') else request(m, path, *q))
            self.assertFalse(client.look('h').foreign)
