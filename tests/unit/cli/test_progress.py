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


"""The bar that shows how far something is."""

import io
from unittest import mock

import testtools

from snapdriver.cli import progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


class TestBar(testtools.TestCase):
    def show(self, *percents, columns=80):
        """What a terminal gets, erased lines as new ones."""
        stream = Terminal()
        with (mock.patch.object(progress.shutil, 'get_terminal_size',
                                return_value=mock.Mock(columns=columns)),
              mock.patch.object(progress, '_SECONDS', 0)):
            with progress.bar('exporting', stream) as update:
                for percent in percents:
                    update(percent)
        return stream.getvalue().split('\r\x1b[K')

    def test_draws_and_erases(self):
        self.assertEqual(
            ['', f'exporting [>{" " * 39}]   0 %',
             f'exporting [{"=" * 20}>{" " * 19}]  50 %',
             f'exporting [{"=" * 40}] 100 %', ''],
            self.show(0.0, 50.0, 100.0))

    def test_never_more_than_a_line(self):
        for columns in range(1, 90):
            for line in self.show(0.0, 33.3, 100.0, columns=columns):
                self.assertLess(len(line), max(columns, 6))

    def test_no_nonsense(self):
        self.assertEqual(self.show(0.0, 100.0), self.show(-1.0, 200.0))

    def test_only_what_has_changed(self):
        self.assertEqual(3, len(self.show(1.0, 1.001, 1.002)))

    def test_not_too_often(self):
        stream = Terminal()
        with progress.bar('exporting', stream) as update:
            for percent in range(100):
                update(percent)
        self.assertThat(stream.getvalue().count('\r'),
                        testtools.matchers.LessThan(10))

    def test_nothing_where_nobody_looks(self):
        stream = io.StringIO()
        with progress.bar('exporting', stream) as update:
            update(50.0)
        self.assertEqual('', stream.getvalue())

    def test_nothing_was_drawn(self):
        self.assertEqual([''], self.show())

    def test_erased_after_an_error(self):
        stream = Terminal()

        def fail():
            with progress.bar('exporting', stream) as update:
                update(1.0)
                raise ValueError

        self.assertRaises(ValueError, fail)
        self.assertTrue(stream.getvalue().endswith('%\r\x1b[K'))
