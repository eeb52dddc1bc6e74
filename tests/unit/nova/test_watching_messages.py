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

"""Notifications are what doc/notification_samples shows, one file for each."""

import itertools
import json
import pathlib
import types

import fixtures

from snapdriver import model
from snapdriver.nova import handles
from snapdriver.nova.watching import messages
from snapdriver.nova.watching import verbs
from tests.unit import samples
from tests.unit.nova import test_watching_verbs

FOLDER = pathlib.Path(__file__).parents[3] / 'doc' / 'notification_samples'
HOST = 'compute'
SERVER = '178b0921-8f85-4257-88b6-2e743b5a975c'
HANDLE = '5c1f9e2e-0d53-4a5f-9a3b-6f0c2d1e7b48'
SAFETY = 'c0ffee5a-3b0e-4f0f-8d5c-9a7e6b1d2f30'
INSTANCE = types.SimpleNamespace(
    uuid=SERVER, project_id='6f70656e737461636b20342065766572',
    user_id='fake', display_name='some-server')
CONTEXT = types.SimpleNamespace(
    request_id='req-5b6c791d-5709-4f36-8fbe-c3e02869e35d',
    auth_token='secret')
Verb = verbs.Verb


def snapshot(identity, **changes):
    return model.Snapshot(**{
        'id': identity, 'name': identity, 'kind': 'external',
        'state': 'disk-snapshot', 'parent': None, 'created_at': 1767225600.0,
        'frozen_at': 1767225600.0,
        'consistency': model.Consistency.CRASH_CONSISTENT, 'disks': {},
        'properties': {handles.IS_HANDLE: 'manifest'}} | changes)


class TestSamples(test_watching_verbs.VerbsTestCase):
    """Each verb is done in earnest, but for what it is about."""

    def setUp(self):
        super().setUp()
        self.messages = []
        self.watch(lambda work, phase: self.messages.extend(
            messages.of(work, phase, HOST)))
        seconds = itertools.count(100, 1.5)
        self.useFixture(fixtures.MockPatchObject(
            verbs, 'time', types.SimpleNamespace(
                time=lambda: 1767225601.0,
                monotonic=lambda: next(seconds))))

    def do(self, verb, *, leaves, context=None, error=None, **known):
        """One verb; the snapshots that are there when it has ended."""
        image = SAFETY if verb is Verb.SAFETY else HANDLE
        try:
            with verbs.watched(verb, INSTANCE, [image], context, **known):
                if verb is Verb.REVERT and error is None:
                    self.do(Verb.SAFETY, leaves=samples.snapshots(
                        snapshot(HANDLE), snapshot(SAFETY, safety=True)),
                        context=context)
                self.state = samples.state(snapshots=leaves)
                if error is not None:
                    raise error
        except Exception as raised:
            self.assertIs(error, raised)

    def do_all(self, error=None):
        none, handle = {}, samples.snapshots(snapshot(HANDLE))
        self.state = samples.state(snapshots=none)
        self.do(Verb.CREATE, leaves=none if error else handle,
                context=CONTEXT, kind='external', payload='manifest',
                error=error)
        self.state = samples.state(snapshots=handle)
        self.do(Verb.REVERT, leaves=handle, context=CONTEXT, error=error)
        if error is not None:
            self.state = samples.state(snapshots=samples.snapshots(
                snapshot(HANDLE), snapshot(SAFETY)))
            self.do(Verb.SAFETY, leaves=self.state.snapshots,
                    context=CONTEXT, error=error)
        self.state = samples.state(snapshots=handle)
        self.do(Verb.REAP, leaves=handle if error else none, error=error)
        self.state = samples.state(snapshots=handle)
        self.do(Verb.DELETE, leaves=handle if error else none,
                context=CONTEXT, error=error)

    def emitted(self):
        return {message.event_type.replace('.', '-'): {
            'event_type': message.event_type, 'priority': message.priority,
            'publisher_id': message.publisher_id, 'payload': message.payload}
            for message in self.messages}

    def test_each_is_what_the_code_emits(self):
        self.do_all()
        self.do_all(error=RuntimeError(
            'No space left for /var/lib/nova/instances. Free some space on '
            'that file system and try again.'))
        emitted = self.emitted()
        self.assertEqual(len(Verb) * len(verbs.Phase), len(emitted))
        self.assertEqual(sorted(emitted),
                         sorted(path.stem for path in FOLDER.iterdir()))
        for name, message in emitted.items():
            path = FOLDER / f'{name}.json'
            self.assertEqual(json.loads(path.read_text()), message, name)
            self.assertEqual(json.dumps(message, indent=4) + '\n',
                             path.read_text(), name)

    def test_a_revert_tells_its_safety_snapshot(self):
        self.do_all()
        data = self.emitted()['instance-local_snapshot_revert-end'][
            'payload']['nova_object.data']
        self.assertEqual(SAFETY, data['safety_id'])

    def test_one_for_each_snapshot(self):
        with verbs.watched(Verb.REAP, SERVER, ['a', 'b']):
            pass
        self.assertEqual(
            ['a', 'b'] * 2, [m.payload['nova_object.data']['snapshot_id']
                             for m in self.messages])

    def test_no_secrets(self):
        error = RuntimeError("{'password': 'hunter2'}" + 'x' * 5000)
        self.do(Verb.CREATE, leaves={}, context=CONTEXT, error=error)
        text = json.dumps(self.messages[-1].payload)
        self.assertNotIn('hunter2', text)
        self.assertNotIn(CONTEXT.auth_token, text)
        self.assertLess(len(text), 2500)

    def test_all_of_it_is_json(self):
        self.do_all()
        for message in self.messages:
            self.assertEqual(message.payload,
                             json.loads(json.dumps(message.payload)))
