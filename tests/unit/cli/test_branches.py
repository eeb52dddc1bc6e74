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

"""What a drawing makes of names that are not ours to choose."""

from snapdriver.cli import branches
from snapdriver.cli import screen
from tests.unit import base


class TestNames(base.TestCase):
    def draw(self, *names, heading='web', width=0):
        return list(branches.draw(heading, [
            branches.Node(str(number), name, None, ('cell',))
            for number, name in enumerate(names)],
            screen.Screen('utf-8', width)))

    def test_nothing_moves_the_cursor(self):
        drawn = self.draw('a\033[2Jb', 'c\nd', '\u202eabc',
                          heading='w\reb')
        self.assertEqual(4, len(drawn))
        self.assertEqual('w\\reb', drawn[0])
        self.assertEqual('├── a\\x1b[2Jb  cell', drawn[1])
        self.assertTrue(''.join(drawn).isprintable())

    def test_wide_characters(self):
        self.assertEqual(['web', '├── 日本   cell', '├── abcd\u0301e  cell',
                          '└── x      cell'],
                         self.draw('日本', 'abcd\u0301e', 'x'))
        self.assertEqual('├ 日本', self.draw('日本', 'x', width=11)[1])
        self.assertEqual('├ 日本  cell', self.draw('日本', 'x', width=12)[1])
