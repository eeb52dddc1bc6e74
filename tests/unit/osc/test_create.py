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

"""``create`` and ``export``: what Nova is asked for, and what came of it."""

import json

from snapdriver.osc import snapshot_create
from snapdriver.osc import snapshot_export
from tests.unit.osc import base
from tests.unit.osc import fakes

KIND = 'snapdriver_request_kind'
SOURCE = 'snapdriver_request_source'


class MakingTestCase(base.OscTestCase):
    def become(self, **said):
        """What happens to the new image and its server, step by step."""
        self.compute.change(task_state='image_snapshot')
        self.compute.pending = [
            lambda: self.images.all['new'].update(status='saving'),
            lambda: self.images.all.update(new=said),
            lambda: self.compute.change(task_state=None)]

    def vanish(self):
        self.compute.pending = [lambda: self.images.all.pop('new')]

    @property
    def asked(self):
        return self.compute.asked[-1]


class CreateTestCase(MakingTestCase):
    COMMAND = snapshot_create.CreateServerSnapshot

    def create(self, *words):
        return json.loads(self.run_command(self.COMMAND, *words, '-f', 'json'))

    def test_what_is_asked_for(self):
        said = self.create(
            'web', 'before', '--kind', 'internal', '--payload', 'disk',
            '--description', 'a word', '--property', 'ticket=1=2',
            '--property', 'empty=')
        self.assertEqual((fakes.WEB, 'before', {
            KIND: 'internal', 'snapdriver_request_payload': 'disk',
            'description': 'a word', 'ticket': '1=2', 'empty': ''}),
            self.asked)
        self.assertEqual(('new', 'queued', '', 'a word'), tuple(
            said[key] for key in ('id', 'status', 'kind', 'description')))

    def test_what_is_not_asked_for(self):
        self.create('web', 'before')
        self.assertEqual({KIND: 'external', 'description': ''},
                         self.asked[2])

    def test_waiting(self):
        self.become(**fakes.handle('new', 'before', snapdriver_size='7'))
        self.stderr = base.Terminal()
        said = self.create('web', 'before', '--wait')
        self.assertEqual(('active', 'external', 7), tuple(
            said[key] for key in ('status', 'kind', 'size')))
        self.assertIn('before: image_snapshot (0 s)', self.stderr.getvalue())
        self.assertEqual([], self.compute.pending)

    def test_nothing_is_drawn_where_nobody_looks(self):
        self.become(**fakes.handle('new', 'before'))
        self.create('web', 'before', '--wait')
        self.assertEqual('', self.stderr.getvalue())

    def test_a_host_without_the_driver(self):
        self.become(**fakes.handle('new', 'before', snapdriver_kind=None))
        self.assert_fails('no snapshot', self.COMMAND,
                          'web', 'before', '--wait')

    def test_refused_later(self):
        self.compute.actions = [
            fakes.action('stop', message='Error', request_id='req-2'),
            fakes.action('createImage', {
                'result': 'Error', 'details': 'too many'}, {
                'result': 'Success', 'details': None}, message='Error')]
        self.vanish()
        self.assert_fails('server web: too many', self.COMMAND,
                          'web', 'before', '--wait')

    def test_the_reason_is_for_administrators(self):
        self.compute.actions = [fakes.action(
            'createImage', {'result': 'Error'}, request_id='req-7')]
        self.vanish()
        self.assert_fails(f'server event show {fakes.WEB} req-7',
                          self.COMMAND, 'web', 'before', '--wait')

    def test_no_action_tells(self):
        self.vanish()
        self.assert_fails('not tell why', self.COMMAND,
                          'web', 'before', '--wait')

    def test_properties_that_are_not_the_tenants(self):
        for wrong in ('snapdriver_kind=x', 'instance_uuid=x', 'x', '=x',
                      'trait:CUSTOM_SNAPDRIVER=x', 'x=' + 256 * 'y'):
            self.assertRaises(SystemExit, self.run_command, self.COMMAND,
                              'web', 'before', '--property', wrong)
        self.assertEqual([], self.compute.asked)


class ExportTestCase(MakingTestCase):
    COMMAND = snapshot_export.ExportServerSnapshot

    def setUp(self):
        super().setUp()
        self.images.add('a', 'before')

    def test_what_is_asked_for(self):
        self.run_command(self.COMMAND, 'web', 'before')
        self.assertEqual((fakes.WEB, 'web-before', {
            SOURCE: 'a', 'description': 'Snapshot before of server web, '
            'frozen at 2026-01-02T03:04:05.678+00:00'}), self.asked)
        self.run_command(self.COMMAND, 'web', 'a', '--name', 'golden',
                         '--description', '', '--property', 'x=y')
        self.assertEqual((fakes.WEB, 'golden', {
            SOURCE: 'a', 'description': '', 'x': 'y'}), self.asked)

    def test_waiting(self):
        self.become(id='new', name='web-before', status='active', size=4096,
                    disk_format='qcow2', instance_uuid=fakes.WEB)
        said = json.loads(self.run_command(
            self.COMMAND, 'web', 'before', '--wait', '-f', 'json'))
        self.assertEqual(('new', 'active', 4096, 'qcow2'), tuple(
            said[key] for key in (
                'id', 'status', 'image_size', 'disk_format')))

    def test_a_host_that_cannot(self):
        """It has made an image of the present moment."""
        for left in ({SOURCE: 'a'}, {'snapdriver_kind': 'external'}):
            self.become(id='new', name='web-before', status='active',
                        instance_uuid=fakes.WEB, **left)
            self.assert_fails('as it is now', self.COMMAND,
                              'web', 'before', '--wait')
