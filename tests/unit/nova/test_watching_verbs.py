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

"""Verbs that are watched: what is told, when, and that it never hurts."""

import types

import fixtures
from oslo_log import log as logging
import testtools

from snapdriver import model
from snapdriver.nova import handles
from snapdriver.nova.watching import verbs
from tests.unit import samples

SERVER = samples.UUID
INSTANCE = types.SimpleNamespace(uuid=SERVER, project_id='tenant')


class VerbsTestCase(testtools.TestCase):
    def setUp(self):
        super().setUp()
        self.log = self.useFixture(fixtures.FakeLogger(level=logging.DEBUG))
        self.addCleanup(verbs.watch, [], lambda server, ids: [])
        self.told = []
        self.state = None
        self.watch(self.note)

    def watch(self, *watchers):
        verbs.watch(watchers, lambda server, ids: verbs.about(
            self.state, ids))

    def note(self, work, phase):
        self.told.append((work.verb, phase, *work.snapshots))

    def phases(self):
        return [phase for _, phase, *_ in self.told]


class TestWatched(VerbsTestCase):
    def test_start_and_end(self):
        with verbs.watched(verbs.Verb.REAP, SERVER, ['a', 'b']):
            self.assertEqual(['start'], self.phases())
        self.assertEqual(['start', 'end'], self.phases())
        self.assertEqual(['a', 'b'], [each.id for each in self.told[1][2:]])

    def test_without_snapshots(self):
        with verbs.watched(verbs.Verb.DELETE, SERVER, []):
            self.assertEqual([], verbs.running())
        self.assertEqual([], self.told)

    def test_error(self):
        def fail():
            with verbs.watched(verbs.Verb.CREATE, INSTANCE, ['a']):
                raise ValueError('why')

        seen = []
        self.watch(lambda work, phase: seen.append(work))
        self.assertRaises(ValueError, fail)
        self.assertEqual('why', str(seen[-1].error))
        self.assertEqual([], verbs.running())

    def test_it_is_told_of_an_end_that_is_no_exception(self):
        def end():
            with verbs.watched(verbs.Verb.CREATE, INSTANCE, ['a']):
                raise SystemExit

        self.assertRaises(SystemExit, end)
        self.assertEqual(['start', 'error'], self.phases())

    def test_by_instance_or_uuid(self):
        seen = []
        self.watch(lambda work, phase: seen.append(
            (work.server, work.instance)))
        for server in (SERVER, INSTANCE):
            with verbs.watched(verbs.Verb.REAP, server, ['a']):
                pass
        self.assertEqual([(SERVER, None)] * 2 + [(SERVER, INSTANCE)] * 2,
                         seen)

    def test_what_runs(self):
        with verbs.watched(verbs.Verb.REVERT, SERVER, ['a']):
            self.assertEqual(['revert'],
                             [work.verb for work in verbs.running()])
        self.assertEqual([], verbs.running())

    def test_how_long_it_took(self):
        seen = []
        self.watch(lambda work, phase: seen.append(work.seconds))
        with verbs.watched(verbs.Verb.REVERT, SERVER, ['a']):
            pass
        self.assertIsNone(seen[0])
        self.assertGreaterEqual(seen[1], 0)


class TestNothingHurts(VerbsTestCase):
    """A watcher that fails costs its own words, and nothing else."""

    def fail(self, *_):
        raise RuntimeError('no route to the bus')

    def test_a_watcher_fails(self):
        self.watch(self.fail, self.note)
        with verbs.watched(verbs.Verb.CREATE, INSTANCE, ['a']):
            pass
        self.assertEqual(['start', 'end'], self.phases())
        self.assertIn('no route to the bus', self.log.output)

    def test_a_watcher_fails_with_a_verb_that_fails(self):
        def fail():
            with verbs.watched(verbs.Verb.CREATE, INSTANCE, ['a']):
                raise ValueError('why')

        self.watch(self.fail)
        self.assertRaises(ValueError, fail)

    def test_the_state_cannot_be_read(self):
        verbs.watch([self.note], self.fail)
        with verbs.watched(verbs.Verb.CREATE, INSTANCE, ['a']):
            pass
        self.assertEqual(['start', 'end'], self.phases())


class TestAbout(VerbsTestCase):
    def snapshot(self, **changes):
        return model.Snapshot(**{
            'id': 'a', 'name': 'a', 'kind': 'internal', 'state': 'running',
            'parent': None, 'created_at': 1.0, 'frozen_at': 2.0,
            'consistency': model.Consistency.MEMORY, 'disks': {},
            'properties': {handles.IS_HANDLE: 'disk'}} | changes)

    def holding(self, *found):
        return samples.state(snapshots=samples.snapshots(*found))

    def test_of_a_state(self):
        self.assertEqual(
            [verbs.About('a', 'internal', 'memory', 'disk', 2.0)],
            verbs.about(self.holding(self.snapshot()), ['b', 'a']))
        self.assertEqual([], verbs.about(None, ['a']))

    def test_of_no_handle(self):
        found = verbs.about(
            self.holding(self.snapshot(properties={})), ['a'])
        self.assertIsNone(found[0].payload)

    def test_what_is_made_is_known_at_the_end(self):
        with verbs.watched(verbs.Verb.CREATE, INSTANCE, ['a'],
                           kind='internal', payload='disk'):
            self.state = self.holding(self.snapshot())
        self.assertEqual(
            [verbs.About('a', 'internal', None, 'disk'),
             verbs.About('a', 'internal', 'memory', 'disk', 2.0)],
            [about for *_, about in self.told])

    def test_what_goes_is_known_to_the_end(self):
        self.state = self.holding(self.snapshot())
        with verbs.watched(verbs.Verb.REAP, SERVER, ['a']):
            self.state = None
        self.assertEqual('internal', self.told[1][2].kind)


class TestSafety(VerbsTestCase):
    def test_it_is_the_running_reverts(self):
        seen = []
        self.watch(lambda work, phase: seen.append(
            (work.verb, phase, work.safety)))
        with verbs.watched(verbs.Verb.REVERT, INSTANCE, ['a']):
            with verbs.watched(verbs.Verb.SAFETY, INSTANCE, ['s']):
                pass
        self.assertEqual(('revert', 'end', 's'), seen[-1])

    def test_it_is_no_other_servers(self):
        seen = []
        self.watch(lambda work, phase: seen.append(work.safety))
        with verbs.watched(verbs.Verb.REVERT, INSTANCE, ['a']):
            with verbs.watched(verbs.Verb.SAFETY, samples.JOB, ['s']):
                pass
        self.assertEqual([None] * 4, seen)
