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

"""The file of the metrics: whole at any time, readable, and alone."""

import os
from unittest import mock

from snapdriver.nova.watching import textfile
from tests.unit import base


class TestWrite(base.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.make_path()
        self.path = os.path.join(self.folder, 'snapdriver.prom')

    def assert_there(self, data):
        with open(self.path, 'rb') as file:
            self.assertEqual(data, file.read())
        self.assertEqual(['snapdriver.prom'], os.listdir(self.folder))

    def test_twice(self):
        textfile.write(self.path, b'first')
        self.assert_there(b'first')
        textfile.write(self.path, b'second')
        self.assert_there(b'second')

    def test_the_collector_may_read_it(self):
        self.set_umask(0o077)
        textfile.write(self.path, b'first')
        self.assertEqual(0o644, os.stat(self.path).st_mode & 0o777)

    def test_a_killed_process_with_the_same_number(self):
        with open(f'{self.path}.{os.getpid()}.new', 'wb'):
            pass
        textfile.write(self.path, b'first')
        self.assert_there(b'first')

    def test_no_link_is_followed(self):
        victim = os.path.join(self.make_path(), 'victim')
        os.symlink(victim, f'{self.path}.{os.getpid()}.new')
        textfile.write(self.path, b'first')
        self.assertFalse(os.path.exists(victim))

    def test_a_failure_leaves_the_old_one(self):
        textfile.write(self.path, b'first')
        with mock.patch.object(os, 'replace', side_effect=OSError):
            self.assertRaises(OSError, textfile.write, self.path, b'second')
        self.assert_there(b'first')

    def test_no_such_directory(self):
        self.assertRaises(OSError, textfile.write,
                          os.path.join(self.folder, 'no', 'x.prom'), b'')
