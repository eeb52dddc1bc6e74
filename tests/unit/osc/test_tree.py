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

"""The tree that handles tell of."""

import datetime

from snapdriver.cli import screen
from snapdriver.osc import snapshot
from snapdriver.osc import tree
from tests.unit.osc import base

NOW = datetime.datetime(2026, 1, 2, 4, tzinfo=datetime.UTC).timestamp()


class TreeTestCase(base.OscTestCase):
    def add(self, image_id, parent=None, minute=0, **said):
        self.images.add(
            image_id, f'n-{image_id}', snapdriver_parent=parent,
            snapdriver_frozen_at=f'2026-01-02T03:{minute:02}:00.000+00:00',
            **said)

    def draw(self, encoding='utf-8'):
        return '\n'.join(tree.draw('web', [
            snapshot.of(image) for image in self.images.list()],
            screen.Screen(encoding), NOW))

    def test_branches(self):
        self.add('a')
        self.add('b', 'a', 10)
        self.add('c', 'b', 20, snapdriver_kind='internal',
                 snapdriver_consistency='memory')
        self.add('d', 'a', 30, snapdriver_safety='yes')
        self.add('e', minute=59)
        self.assertEqual(
            'web\n'
            '├── n-a          external  1 h     crash-consistent\n'
            '│   ├── n-b      external  50 min  crash-consistent\n'
            '│   │   └── n-c  internal  40 min  memory\n'
            '│   └── n-d      external  30 min  crash-consistent, safety\n'
            '└── n-e          external  1 min   crash-consistent', self.draw())
        self.assertIn('|   |   `-- n-c', self.draw('ascii'))

    def test_a_parent_that_is_gone(self):
        self.add('b', 'a')
        self.assertIn('└── n-b ', self.draw())

    def test_handles_that_tell_nonsense(self):
        """Their tenant can set any property."""
        self.add('a', 'b')
        self.add('b', 'a')
        self.images.add('c', 'n-c', snapdriver_frozen_at='yesterday',
                        snapdriver_parent='c')
        drawn = self.draw()
        for name in ('n-a', 'n-b', 'n-c'):
            self.assertIn(name, drawn)

    def test_none(self):
        self.assertEqual('web', self.draw())
