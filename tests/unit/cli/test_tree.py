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

import datetime
import re
import time

import fixtures

from snapdriver.cli import columns
from snapdriver.cli import screen
from snapdriver.cli import tree
from tests.unit import base as unit
from tests.unit.cli import base

_NOW = datetime.datetime(2026, 1, 2, 3, 9, 5, tzinfo=datetime.UTC)


def _draw(infos, encoding='utf-8', width=0, colours=False):
    return list(tree.draw('web', infos, screen.Screen(
        encoding, width, colours), _NOW.timestamp()))


class TestTree(unit.TestCase):
    def setUp(self):
        super().setUp()
        self.infos = [
            base.info('a'),
            base.info('b', 'a', size=5 << 20, kind='internal',
                      consistency='memory'),
            base.info('c', 'b', safety=True),
            base.info('d', 'a', current=True), base.info('e')]

    def test_branches(self):
        self.assertEqual([
            'web',
            '├── a          external  196.0 KiB  4 min  offline',
            '│   ├── b      internal  5.0 MiB    4 min  memory',
            '│   │   └── c  external  196.0 KiB  4 min  offline, safety',
            '│   └── d *    external  196.0 KiB  4 min  offline',
            '└── e          external  196.0 KiB  4 min  offline'],
            _draw(self.infos))

    def test_plain_terminals(self):
        for encoding in ('ascii', 'latin-1', None, 'no-such'):
            self.assertEqual([
                'web',
                '|-- a          external  196.0 KiB  4 min  offline',
                '|   |-- b      internal  5.0 MiB    4 min  memory',
                '|   |   `-- c  external  196.0 KiB  4 min  offline, safety',
                '|   `-- d *    external  196.0 KiB  4 min  offline',
                '`-- e          external  196.0 KiB  4 min  offline'],
                _draw(self.infos, encoding))

    def test_narrow_terminals(self):
        """First narrower branches, then fewer columns; names stay."""
        as_wide = _draw(self.infos)
        longest = max(map(len, as_wide))
        self.assertEqual(as_wide, _draw(self.infos, width=longest))
        self.assertEqual(
            '│ │ └ c  external  196.0 KiB  4 min  offline, safety',
            _draw(self.infos, width=longest - 1)[3])
        self.assertEqual('│ │ └ c  external  196.0 KiB  4 min',
                         _draw(self.infos, width=40)[3])
        self.assertEqual('| | `-c  external',
                         _draw(self.infos, 'ascii', width=20)[3])
        self.assertEqual(['web', '├ a', '│ ├ b', '│ │ └ c', '│ └ d *', '└ e'],
                         _draw(self.infos, width=1))
        for width in range(12, longest):
            for line in _draw(self.infos, width=width):
                self.assertLessEqual(len(line), width)

    def test_colours_change_nothing_else(self):
        drawn = _draw(self.infos, colours=True)
        self.assertEqual('\033[1mweb\033[0m', drawn[0])
        self.assertIn('\033[1;32md *\033[0m', drawn[4])
        self.assertIn('\033[2mc\033[0m', drawn[3])
        self.assertEqual(_draw(self.infos), [
            re.sub('\033\\[[0-9;]*m', '', line) for line in drawn])

    def test_none(self):
        self.assertEqual(['web'], _draw([]))
        self.assertEqual(['web'], _draw([], width=2))

    def test_unknown_parent_is_a_root(self):
        self.assertTrue(_draw([base.info('a', 'gone')])[1].startswith('└── '))

    def test_very_deep(self):
        names = [f's{i}' for i in range(3000)]
        infos = [base.info(name, parent) for name, parent
                 in zip(names, [None, *names[:-1]], strict=True)]
        self.assertEqual(3001, len(_draw(infos)))

    def test_very_wide(self):
        infos = [base.info(f's{i}') for i in range(3000)]
        self.assertTrue(_draw(infos)[-1].startswith('└── s2999'))


class TestColumns(unit.TestCase):
    def test_sizes(self):
        for count, text in ((0, '0 B'), (1023, '1023 B'),
                            (1024, '1.0 KiB'), (200704, '196.0 KiB'),
                            (5 << 30, '5.0 GiB'), (3 << 50, '3072.0 TiB')):
            self.assertEqual(text, columns.human_size(count))

    def test_ages(self):
        for seconds, text in ((-5, '0 s'), (59.9, '59 s'), (60, '1 min'),
                              (7200, '2 h'), (86400 * 400, '400 d')):
            self.assertEqual(text, columns.human_age(seconds))

    def test_moments_are_local(self):
        self.addCleanup(time.tzset)
        self.useFixture(fixtures.EnvironmentVariable('TZ', 'UTC-2'))
        time.tzset()
        column = columns.Moment('2026-01-02T03:04:05.678+00:00')
        self.assertEqual('2026-01-02 05:04:05 +0200',
                         column.human_readable())
        self.assertEqual('2026-01-02T03:04:05.678+00:00',
                         column.machine_readable())
