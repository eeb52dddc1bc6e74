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


"""The beacon: deletions that nothing else shows, and all that it is not."""

import contextlib
import copy
from unittest import mock

import fixtures

from snapdriver import exception
from snapdriver.nova import beacon
from tests.unit.nova import base
from tests.unit.nova import fakes

SERVER = base.SERVER
_SLOTS = ('snapdriver_beacon_token_0', 'snapdriver_beacon_token_1')


class BeaconTestCase(base.ReaperTestCase):
    """A quiet cloud: no image is younger than a handle."""

    def setUp(self):
        super().setUp()
        self.engine.options.reap_grace = fakes.INTERVAL
        self.glance.refused = None
        self.glance.add('w', owner='another')
        self.make_handle('h')

    @property
    def image(self):
        return self.glance.images[self.ledger.beacon.image]

    def tokens(self):
        return [self.image[name] for name in _SLOTS]

    def beacons(self):
        return [image_id for image_id, image in self.glance.images.items()
                if image.get('os_hidden')]

    def covered(self):
        """Ids of handles that the present beacon covers."""
        ledger = self.ledger
        return sorted(image_id for image_id, handle in ledger.handles.items()
                      if handle.beacon == ledger.beacon.image != '')

    def backup(self):
        return copy.deepcopy(self.glance.images)

    def restore(self, backup):
        self.glance.images = copy.deepcopy(backup)

    def delete(self, *ids):
        for image_id in ids:
            del self.glance.images[image_id]

    def before_request(self, method, act):
        """Once, before a request of that method."""
        request = self.glance.request

        def wrapped(asked, *more):
            if asked == method:
                self.glance.request = request
                act()
            return request(asked, *more)

        self.glance.request = wrapped

    def assert_stays(self, *ids):
        self.run_passes(6)
        self.assertEqual(sorted(ids), self.engine.ids())

    def assert_goes(self, *left):
        self.run_passes(4)
        self.assertEqual(sorted(left), self.engine.ids())


class TestProof(BeaconTestCase):
    def test_deleted_before_any_pass(self):
        self.delete('h')
        self.assert_goes()

    def test_deleted_later(self):
        self.run_passes(2)
        self.make_handle('i')
        self.delete('h')
        self.assert_goes('i')
        self.delete('i')
        self.assert_goes()

    def test_deleted_in_the_meantime(self):
        """Between the two looks at it."""
        self.make_handle('i')
        self.glance.add('j')
        self.engine.add(SERVER, 'j', created_at=self.clock.now)
        self.before_request('PATCH', lambda: self.delete('j'))
        self.assertFalse(self.passes.saw(SERVER, 'j'))
        self.assertEqual(['h', 'i'], self.covered())
        self.assert_stays('h', 'i', 'j')
        self.assertEqual(['j'], list(self.ledger.passes.unconfirmed))

    def test_seen_in_passes_only(self):
        with self.file.changing() as ledger:
            ledger.handles.clear()
        self.run_passes()
        self.assertEqual(['h'], self.covered())
        self.delete('h')
        self.assert_goes()

    def test_written_for_new_ones_only(self):
        before = self.tokens()
        self.run_passes(3)
        self.assertEqual(before, self.tokens())
        self.make_handle('i')
        self.assertNotEqual(before, self.tokens())

    def test_other_credentials_that_see_it(self):
        self.glance.identities = ['http://glance user=new']
        self.run_passes()
        self.assertEqual(['h'], self.covered())
        self.delete('h')
        self.assert_goes()

    def test_other_credentials_have_to_write_it(self):
        self.glance.identities = ['http://glance user=new']
        self.glance.refused = 403
        self.run_passes()
        self.assertEqual([], self.covered())

    def test_it_needs_a_witness(self):
        self.delete('h', 'w')
        self.assert_stays('h')
        self.assertIn('another project', self.ledger.passes.waiting['h'])

    def test_across_restarts(self):
        self.delete('h')
        for _ in range(4):
            self.passes = self.make_passes()
            self.run_passes()
        self.assert_reaped()


class TestImage(BeaconTestCase):
    def test_what_it_is(self):
        found = {key: self.image[key] for key in (
            'name', 'status', 'owner', 'visibility', 'os_hidden', 'protected',
            'snapdriver_beacon_host')}
        self.assertEqual({
            'name': 'snapdriver beacon of here', 'status': 'queued',
            'owner': 'service', 'visibility': 'private', 'os_hidden': True,
            'protected': False, 'snapdriver_beacon_host': 'here'}, found)

    def test_one_for_all(self):
        for image_id in 'ijk':
            self.make_handle(image_id)
        self.run_passes(2)
        self.assertEqual(1, len(self.beacons()))

    def test_by_turns(self):
        seen = [self.tokens()]
        for image_id in 'ijk':
            self.make_handle(image_id)
            seen.append(self.tokens())
        (a, b), (_, c), (d, _), (_, e) = seen
        self.assertEqual([[a, b], [a, c], [d, c], [d, e]], seen)
        self.assertEqual(a, b)
        self.assertEqual(4, len({a, c, d, e}))

    def test_when_it_was_written(self):
        self.make_handle('i')
        self.assertEqual(self.image['updated_at'],
                         self.ledger.beacon.written_at)

    def test_none_without_handles(self):
        self.engine.states.clear()
        with self.file.changing() as ledger:
            ledger.handles.clear()
        self.glance.asked.clear()
        self.run_passes(2)
        self.assertEqual([], self.glance.asked)

    def test_it_is_no_proof_nor_witness(self):
        self.glance._lists = self.glance._shows  # if it were not hidden
        self.run_passes(2)
        self.assertEqual({}, self.ledger.handles['h'].proofs)
        self.assertEqual(['h', 'w'], sorted(self.ledger.witnesses))


class TestRestored(BeaconTestCase):
    def test_from_before_a_handle(self):
        backup = self.backup()
        self.make_handle('i')
        self.run_passes()
        self.restore(backup)
        self.assert_stays('h', 'i')
        self.assertEqual(['i'], list(self.ledger.passes.unconfirmed))
        self.assertEqual(1, self.log.output.count('backup of Glance'))
        # Of what was seen since, another one tells.
        self.delete('h')
        self.assert_goes('i')

    def test_from_before_the_beacon(self):
        self.restore({'w': self.glance.images['w']})
        self.assert_stays('h')

    def test_then_written_to(self):
        """What is written after a restore tells nothing of what was before."""
        backup = self.backup()
        self.make_handle('i')
        self.restore(backup)
        for image_id in 'jkl':
            self.make_handle(image_id)
        self.assertEqual(['j', 'k', 'l'], self.covered())
        self.assert_stays('h', 'i', 'j', 'k', 'l')
        self.delete('l')
        self.assert_goes('h', 'i', 'j', 'k')

    def test_between_look_and_write(self):
        for count in range(1, 4):  # whichever token the write replaces
            backup = self.backup()
            old, new = f'old{count}', f'new{count}'
            for image_id in (old, f'{old}-too', f'{old}-as-well')[:count]:
                self.make_handle(image_id)
            self.glance.add(new)
            backup[new] = self.glance.images[new]
            self.engine.add(SERVER, new, created_at=self.clock.now)
            self.before_request('PATCH', lambda b=backup: self.restore(b))
            self.assertTrue(self.passes.saw(SERVER, new))
            self.run_passes(6)
            self.assertIn(old, self.engine.ids())
            self.assertFalse(self.ledger.handles[old].proven)

    def test_between_write_and_look(self):
        self.make_handle('i')
        backup = self.backup()
        self.glance.add('j')
        self.engine.add(SERVER, 'j', created_at=self.clock.now)
        answer = self.glance._answer

        def restore(method, *more):
            found = copy.deepcopy(answer(method, *more))
            if method == 'PATCH':
                self.restore(backup)
            return found

        self.glance._answer = restore
        self.assertFalse(self.passes.saw(SERVER, 'j'))
        self.glance._answer = answer
        self.assert_stays('h', 'i', 'j')
        self.assertFalse(self.ledger.handles['j'].proven)

    def test_old_beacon_goes(self):
        old = self.ledger.beacon.image
        backup = self.backup()
        self.make_handle('i')
        self.restore(backup)
        self.run_passes()
        self.assertNotEqual(old, self.ledger.beacon.image)
        self.assertEqual([self.ledger.beacon.image], self.beacons())


class TestDeletedByHand(BeaconTestCase):
    def setUp(self):
        super().setUp()
        self.make_handle('i')
        self.run_passes()
        self.old = self.ledger.beacon.image

    def test_another_one_is_made(self):
        self.delete(self.old)
        self.run_passes(3)
        self.assertNotEqual(self.old, self.ledger.beacon.image)
        self.assertEqual(['h', 'i'], self.covered())
        self.assertEqual(1, self.log.output.count(
            f'does not show the beacon of this host, image {self.old}'))
        self.delete('i')
        self.assert_goes('h')

    def test_together_with_a_handle(self):
        self.delete(self.old, 'i')
        self.assert_stays('h', 'i')
        self.assertEqual(['i'], list(self.ledger.passes.unconfirmed))

    def test_after_it_has_shown_it(self):
        self.engine.options.reap_grace = 3 * fakes.INTERVAL
        self.delete('i')
        self.run_passes()
        self.delete(self.old)
        self.run_passes(4)
        self.assert_reaped('h')

    def test_changed(self):
        for name in _SLOTS:
            old = self.ledger.beacon.image
            self.image[name] = 'mine'
            self.run_passes()
            self.assertNotEqual(old, self.ledger.beacon.image)
            del self.image[name]
            self.run_passes()
            self.assertEqual(['h', 'i'], self.covered())


class TestLostAnswer(BeaconTestCase):
    @contextlib.contextmanager
    def lost(self, method):
        self.glance.lost = {method}
        yield
        self.glance.lost = set()

    def test_write_that_was_done(self):
        before = self.tokens()
        with self.lost('PATCH'):
            self.make_handle('i')
        pending = self.ledger.beacon.writing
        self.assertIn(pending, self.tokens())
        self.assertEqual(['h'], self.covered())
        self.assertIn('reset', self.ledger.beacon.error)
        self.run_passes()
        # That one might be older than what is seen since.
        self.assertNotIn(pending, (self.ledger.beacon.token, *before))
        self.assertEqual(pending, self.ledger.beacon.before)
        self.assertEqual(['h', 'i'], self.covered())
        self.assertEqual('', self.ledger.beacon.error)

    def test_write_that_was_not_done(self):
        self.before_request('PATCH', self._down)
        self.make_handle('i')
        self.glance.down = False
        pending, tokens = self.ledger.beacon.writing, self.tokens()
        self.assertNotIn(pending, tokens)
        self.run_passes()
        self.assertIn(pending, self.tokens())
        self.assertEqual(['h', 'i'], self.covered())

    def _down(self):
        self.glance.down = True

    def test_either_token_is_a_proof(self):
        for lose in (True, False):
            if lose:
                self.glance.lost = {'PATCH'}
            else:
                self.glance.refused = 503
            self.make_handle(f'i{lose}')
            self.delete('h')
            self.run_passes()
            self.assertTrue(self.ledger.handles['h'].proven)
            self.glance.lost, self.glance.refused = set(), None
            self.make_handle('h')

    def test_restored_while_it_is_pending(self):
        backup = self.backup()
        self.make_handle('i')
        with self.lost('PATCH'):
            self.make_handle('j')
        self.restore(backup)
        self.assert_stays('h', 'i', 'j')

    def test_made(self):
        self.delete(self.ledger.beacon.image)
        with self.file.changing() as ledger:
            ledger.beacon = type(ledger.beacon)()
        with self.lost('POST'):
            self.make_handle('i')
        [made] = self.beacons()
        self.assertEqual([], self.covered())
        self.run_passes()
        self.assertEqual([made], self.beacons())
        self.assertEqual(['h', 'i'], self.covered())

    def test_made_and_deleted(self):
        self.test_made()
        self.delete(*self.beacons())
        with self.file.changing() as ledger:
            ledger.beacon.token = ledger.beacon.before = ''
            ledger.beacon.writing = 'first'
        self.run_passes(2)
        self.assertEqual([self.ledger.beacon.image], self.beacons())
        self.assertEqual(['h', 'i'], self.covered())


class TestRefused(BeaconTestCase):
    def setUp(self):
        super().setUp()
        self.delete(self.ledger.beacon.image)
        with self.file.changing() as ledger:
            ledger.beacon = type(ledger.beacon)()
        self.glance.refused = 403

    def test_to_make_it(self):
        for status in (400, 403, 404, 409, 413, 500):
            self.glance.refused = status
            self.make_handle(f'i{status}')
            self.assertIn(f'status {status}', self.ledger.beacon.error)
            self.assertEqual('', self.ledger.beacon.token)
        self.assertEqual([], self.covered())

    def test_told_once(self):
        self.make_handle('i')
        self.run_passes(3)
        self.assertEqual(1, self.log.output.count('status 403'))

    def test_as_without(self):
        self.make_handle('i')
        self.glance.touch('w')
        self.run_passes()
        self.delete('i')
        self.assert_goes('h')

    def test_until_it_is_not(self):
        self.make_handle('i')
        self.glance.refused = None
        self.run_passes()
        self.assertEqual(['h', 'i'], self.covered())
        self.assertEqual('', self.ledger.beacon.error)

    def test_to_change_it(self):
        self.glance.refused = None
        self.run_passes()
        self.glance.refused = 403
        self.make_handle('i')
        self.run_passes(2)
        self.assertEqual(['h'], self.covered())
        self.assertIn('change it', self.ledger.beacon.error)
        self.delete('h', 'i')
        self.assert_goes('i')


class TestNobodyCanTell(BeaconTestCase):
    def test_every_other_answer(self):
        image = self.ledger.beacon.image
        self.delete('h')
        for status in (204, 300, 401, 403, 409, 410, 500, 503):
            self.glance.statuses[image] = status
            self.run_passes()
            self.assertFalse(self.ledger.handles['h'].proven)
            self.assertIn(str(status), self.ledger.beacon.error)
        del self.glance.statuses[image]
        self.run_passes()
        self.assert_reaped()
        self.assertEqual('', self.ledger.beacon.error)

    def test_something_else(self):
        image = self.ledger.beacon.image
        self.delete('h')
        request = self.glance.request
        for body in ('text', [], {}, dict(self.image, id='w')):
            self.glance.request = lambda m, path, *q, b=body: (
                (200, b) if image in path else request(m, path, *q))
            self.run_passes()
            self.assertFalse(self.ledger.handles['h'].proven)
            self.assertEqual(image, self.ledger.beacon.image)

    def test_down(self):
        self.before_request(
            'PATCH', lambda: setattr(self.glance, 'down', True))
        self.make_handle('i')
        self.assertIn('no route', self.ledger.beacon.error)


class TestNeverInTheWay(BeaconTestCase):
    def test_whatever_happens(self):
        for error in (exception.LedgerError(path='x', reason='full'),
                      RuntimeError('bug')):
            with mock.patch.object(beacon.Beacon, 'cover', side_effect=error):
                self.make_handle(f'i-{type(error).__name__}')
                self.run_passes()
        self.assertIn('bug', self.log.output)
        self.assertEqual('all was done', self.ledger.passes.last_result)

    def test_others_that_use_it_long(self):
        self.useFixture(fixtures.MockPatchObject(beacon, '_PATIENCE', 0.01))
        with self.passes._beacon._lock:
            self.make_handle('i')
            self.run_passes()
        self.assertEqual(['h'], self.covered())
        self.run_passes()
        self.assertEqual(['h', 'i'], self.covered())

    def test_another_process(self):
        other = self.make_passes()
        image = self.ledger.beacon.image
        for method in ('GET', 'PATCH'):
            for image_id in ('i', 'j'):
                self.glance.add(method + image_id)
                self.engine.add(SERVER, method + image_id,
                                created_at=self.clock.now)
            client_look = self.passes._beacon._look

            def look(client, method=method, client_look=client_look):
                self.before_request(method, lambda: other.saw(
                    SERVER, method + 'j'))
                return client_look(client)

            with mock.patch.object(self.passes._beacon, '_look', look):
                self.assertTrue(self.passes.saw(SERVER, method + 'i'))
            self.run_passes()
        self.assertEqual(image, self.ledger.beacon.image)
        self.assertEqual(self.engine.ids(), self.covered())

    def test_another_process_makes_it(self):
        self.delete(self.ledger.beacon.image)
        with self.file.changing() as ledger:
            ledger.beacon = type(ledger.beacon)()
        for image_id in 'ij':
            self.glance.add(image_id)
            self.engine.add(SERVER, image_id, created_at=self.clock.now)
        other = self.make_passes()
        self.before_request('POST', lambda: other.saw(SERVER, 'j'))
        self.assertTrue(self.passes.saw(SERVER, 'i'))
        self.assertEqual(['j'], self.covered())
        self.run_passes()
        self.assertEqual(['h', 'i', 'j'], self.covered())
        self.assertEqual(1, len(self.beacons()))
        self.assertEqual('', self.ledger.beacon.error)

    def test_ledger_is_never_locked_meanwhile(self):
        request, held = self.glance.request, []
        changing = self.file.changing

        @contextlib.contextmanager
        def tracked(*args, **kwargs):
            with changing(*args, **kwargs) as ledger:
                held.append(1)
                yield ledger
                held.pop()

        def asked(*args):
            self.assertEqual([], held)
            return request(*args)

        self.glance.request = asked
        with mock.patch.object(self.file, 'changing', tracked):
            self.make_handle('i')
            self.delete(self.ledger.beacon.image, 'h')
            self.run_passes(3)
