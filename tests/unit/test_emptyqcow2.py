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

"""What we write is what qemu-img writes."""

import json
import os
import subprocess
from typing import Any

import fixtures
import testtools

from snapdriver import emptyqcow2

_BACKING = 'disk.layer-0123abcd'


class EmptyTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.folder = self.useFixture(fixtures.TempDir()).path

    def test_as_qemu_img(self) -> None:
        for size in (1, 512, 513, 1 << 29, (1 << 29) + 1, 20 << 30, 1 << 44):
            with self.subTest(size=size):
                ours, theirs = self._ours(size), self._path('theirs')
                subprocess.run(
                    ('qemu-img', 'create', '-q', '-u', '-f', 'qcow2', '-F',
                     'qcow2', '-b', _BACKING, theirs, str(size)), check=True)
                self.assertEqual(self._info(theirs), self._info(ours))
                self.assertEqual(self._rest(theirs), self._rest(ours))

    def test_impossible(self) -> None:
        for size, backing in ((0, 'a'), (-1, 'a'), (1 << 60, 'a'),
                              (512, ''), (512, 'a' * 1024)):
            self.assertRaises(ValueError, list,
                              emptyqcow2.parts(size, backing))

    def _path(self, name: str) -> str:
        return os.path.join(self.folder, name)

    def _ours(self, size: int) -> str:
        path = self._path('ours')
        with open(path, 'wb') as file:
            file.truncate(emptyqcow2.length(size))
            for offset, data in emptyqcow2.parts(size, _BACKING):
                file.seek(offset)
                file.write(data)
        return path

    def _info(self, path: str) -> dict[str, Any]:
        shown = json.loads(subprocess.run(
            ('qemu-img', 'info', '--output=json', '-f', 'qcow2', path),
            check=True, capture_output=True).stdout)
        return {key: value for key, value in shown.items()
                if key not in ('filename', 'actual-size', 'children')}

    def _rest(self, path: str) -> bytes:
        """All but the header, where qemu-img names the features, too."""
        with open(path, 'rb') as file:
            file.seek(1 << 16)
            return file.read()
