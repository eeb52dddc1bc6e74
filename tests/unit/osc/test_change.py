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

"""``set``, ``unset``, ``show`` and ``delete``."""

import json

from snapdriver.osc import snapshot_delete
from snapdriver.osc import snapshot_set
from snapdriver.osc import snapshot_show
from snapdriver.osc import snapshot_unset
from tests.unit.osc import base

COLUMNS = [
    'id', 'name', 'description', 'server', 'server_id', 'project_id',
    'status', 'kind', 'payload', 'state', 'consistency', 'frozen_at',
    'revertible', 'parent', 'safety', 'left_out', 'size', 'image_size',
    'properties']


class ChangeTestCase(base.OscTestCase):
    def setUp(self):
        super().setUp()
        self.images.add('a', 'before', ticket='1', description='a word')

    def show(self, name='before'):
        return json.loads(self.run_command(
            snapshot_show.ShowServerSnapshot, 'web', name, '-f', 'json'))

    def test_show(self):
        said = self.show()
        self.assertEqual(COLUMNS, list(said))
        self.assertEqual({'ticket': '1'}, said['properties'])
        self.assertEqual(('a word', 'project', 'running', None), tuple(
            said[key] for key in (
                'description', 'project_id', 'state', 'size')))

    def test_set(self):
        self.run_command(
            snapshot_set.SetServerSnapshot, 'web', 'before', '--name',
            'after', '--description', '', '--property', 'ticket=2',
            '--property', 'a/~b=c')
        said = self.show('after')
        self.assertEqual('', said['description'])
        self.assertEqual({'ticket': '2', 'a/~b': 'c'}, said['properties'])

    def test_nothing_to_set(self):
        self.run_command(snapshot_set.SetServerSnapshot, 'web', 'before')
        self.assertEqual([], self.images.patches)

    def test_unset(self):
        self.run_command(
            snapshot_unset.UnsetServerSnapshot, 'web', 'before',
            '--description', '--property', 'ticket', '--property', 'ticket')
        said = self.show()
        self.assertEqual(('', {}), (said['description'], said['properties']))
        self.run_command(snapshot_unset.UnsetServerSnapshot, 'web', 'before',
                         '--description')

    def test_what_the_driver_says_stays(self):
        for command, value in ((snapshot_set.SetServerSnapshot, '=x'),
                               (snapshot_unset.UnsetServerSnapshot, '')):
            self.assertRaises(
                SystemExit, self.run_command, command, 'web', 'before',
                '--property', f'snapdriver_kind{value}')
        self.assertEqual([], self.images.patches)

    def test_delete(self):
        self.images.add('b', 'second')
        self.images.add('c', 'third')
        self.images.protected.add(self.images.add('d', 'kept'))
        self.assert_fails(
            '2 of 4', snapshot_delete.DeleteServerSnapshot,
            'web', 'before', 'nosuch', 'kept', 'c')
        self.assertEqual({'b', 'd'}, set(self.images.all))
