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

"""``list``: which snapshots, and columns that stay."""

import json

from snapdriver.osc import snapshot_list
from tests.unit.osc import base
from tests.unit.osc import fakes

SHORT = ['ID', 'Name', 'Kind', 'Payload', 'Frozen At', 'Consistency']
LONG = [*SHORT, 'Status', 'Revertible', 'Parent', 'Safety', 'Size',
        'Image Size', 'Reapable', 'Left Out', 'Description']


class ListTestCase(base.OscTestCase):
    def setUp(self):
        super().setUp()
        self.images.add('b', 'second', snapdriver_parent='a',
                        snapdriver_frozen_at='2026-01-02T03:05:00+00:00')
        self.images.add('a', 'first', snapdriver_size='4096',
                        description='a word', snapdriver_reapable='no')
        self.images.add('o', 'theirs', fakes.OTHER, snapdriver_payload='disk')
        self.images.add('g', 'gone', 'no-server', snapdriver_payload='disk')
        self.images.add('x', 'image', snapdriver_kind=None)

    def list(self, *words):
        return json.loads(self.run_command(
            snapshot_list.ListServerSnapshot, *words, '-f', 'json'))

    def test_of_one_server(self):
        found = self.list('web')
        self.assertEqual(['a', 'b'], [one['ID'] for one in found])
        self.assertEqual(SHORT, list(found[0]))
        self.assertEqual('2026-01-02T03:04:05.678+00:00',
                         found[0]['Frozen At'])

    def test_long(self):
        first, second = self.list('web', '--long')
        self.assertEqual(LONG, list(first))
        self.assertEqual(
            (None, False, 4096, 512, False, 'a word'),
            tuple(first[key] for key in (
                'Parent', 'Safety', 'Size', 'Image Size', 'Reapable',
                'Description')))
        self.assertEqual(('a', None, True), tuple(
            second[key] for key in ('Parent', 'Size', 'Reapable')))

    def test_of_all_servers(self):
        found = self.list('--all-servers')
        self.assertEqual(['Server', 'Server ID', *SHORT], list(found[0]))
        self.assertEqual(
            [('other', 'o'), ('web', 'a'), ('web', 'b')],
            [(one['Server'], one['ID']) for one in found])
        self.assertEqual([False], self.compute.listed)

    def test_of_all_projects(self):
        found = self.list('--all-projects', '--long')
        self.assertEqual(['Project ID', 'Server', 'Server ID', *LONG],
                         list(found[0]))
        self.assertEqual([None, 'other', 'web', 'web'],
                         [one['Server'] for one in found])
        self.assertEqual([True], self.compute.listed)
        self.assertEqual('', self.stderr.getvalue())

    def test_a_sum_for_people(self):
        self.stderr = base.Terminal()
        self.list('--all-projects', '--long')
        self.assertEqual(
            '4 snapshots of 3 servers, which held 4.0 KiB when they were '
            'made; 1 not reapable, 0 pending\n', self.stderr.getvalue())

    def test_trees(self):
        drawn = self.run_command(snapshot_list.ListServerSnapshot,
                                 '--all-servers', '--tree')
        self.assertEqual(['other', 'theirs', 'web', 'first', 'second'],
                         [[word for word in line.split()
                           if word.isalpha()][0]
                          for line in drawn.splitlines()])
        self.assert_fails('neither formats', snapshot_list.ListServerSnapshot,
                          'web', '--tree', '-f', 'json')

    def test_times_for_people(self):
        self.images.add('n', 'nonsense', snapdriver_frozen_at='yesterday')
        shown = self.run_command(snapshot_list.ListServerSnapshot, 'web')
        self.assertIn('2026-01-02 ', shown)
        self.assertIn('yesterday', shown)
