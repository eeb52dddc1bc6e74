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


"""A file that has its name once it is complete, or never."""

import errno
import os
import pathlib
import stat
from unittest import mock

import fixtures
import testtools

from snapdriver import newfile

_open = os.open


def _without_nameless(path, flags, *args, **named):
    """As on a file system that knows no files without a name."""
    if flags & os.O_TMPFILE == os.O_TMPFILE:
        raise OSError(errno.EOPNOTSUPP, 'no such thing')
    return _open(path, flags, *args, **named)


class TestNewFile(testtools.TestCase):
    #: Whether a name is seen before the file is complete.
    seen: tuple[str, ...] = ()

    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self.path = str(self.folder / 'out')

    def make(self, complete=True):
        with newfile.create(self.path) as made:
            os.write(made.fd, b'data')
            self.assertEqual(list(self.seen), os.listdir(self.folder))
            if complete:
                made.complete()

    def test_complete(self):
        before = os.umask(0o777)
        try:
            self.make()
        finally:
            os.umask(before)
        found = os.stat(self.path)
        self.assertEqual((0o600, 1, 4), (
            stat.S_IMODE(found.st_mode), found.st_nlink, found.st_size))

    def test_on_disk_before_it_has_its_name(self):
        done = []
        fsync = os.fsync

        def record(fd):
            done.append((stat.S_ISDIR(os.fstat(fd).st_mode),
                         os.listdir(self.folder)))
            fsync(fd)

        self.useFixture(fixtures.MockPatchObject(os, 'fsync', record))
        with newfile.create(self.path) as made:
            made.sync()
            made.complete()
        self.assertEqual([(False, list(self.seen)), (True, ['out'])], done)

    def test_no_room_in_the_end(self):
        with newfile.create(self.path) as made:
            with mock.patch.object(os, 'fsync', side_effect=OSError(
                    errno.ENOSPC, 'full')):
                error = self.assertRaises(OSError, made.sync)
        self.assertEqual((errno.ENOSPC, self.path),
                         (error.errno, error.filename))
        self.assertEqual([], os.listdir(self.folder))

    def test_not_completed(self):
        self.make(complete=False)
        self.assertEqual([], os.listdir(self.folder))

    def test_error(self):
        with testtools.ExpectedException(KeyboardInterrupt):
            with newfile.create(self.path):
                raise KeyboardInterrupt
        self.assertEqual([], os.listdir(self.folder))

    def test_relative(self):
        before = os.getcwd()
        self.addCleanup(os.chdir, before)
        os.chdir(self.folder)
        with newfile.create('out') as made:
            self.assertEqual(self.path, made.path)
            os.chdir('/')
            made.complete()
        self.assertEqual(['out'], os.listdir(self.folder))

    def test_nothing_is_overwritten(self):
        def create():
            with newfile.create(self.path):
                self.fail('made')

        pathlib.Path(self.path).write_text('mine')
        self.assertRaises(FileExistsError, create)
        self.assertEqual('mine', pathlib.Path(self.path).read_text())
        os.unlink(self.path)
        os.symlink('other', self.path)
        self.assertRaises(FileExistsError, create)
        self.assertEqual(['out'], os.listdir(self.folder))

    def test_what_others_put_there_meanwhile_stays(self):
        with newfile.create(self.path) as made:
            if self.seen:
                os.unlink(self.path)
            pathlib.Path(self.path).write_text('theirs')
            if not self.seen:
                self.assertRaises(FileExistsError, made.complete)
        self.assertEqual('theirs', pathlib.Path(self.path).read_text())

    def test_directory_is_of_no_use(self):
        for path in (self.folder / 'none' / 'out', '/proc/self/out',
                     self.folder / ('x' * 300), f'{self.path}\0'):
            with testtools.ExpectedException(newfile.CannotMake):
                with newfile.create(str(path)) as made:
                    made.complete()
        self.assertEqual([], os.listdir(self.folder))

    def test_free(self):
        with newfile.create(self.path) as made:
            self.assertGreater(made.free(), 0)


class TestNamedFromTheStart(TestNewFile):
    seen = ('out',)

    def setUp(self):
        super().setUp()
        self.useFixture(fixtures.MockPatchObject(
            newfile.os, 'open', mock.Mock(side_effect=_without_nameless)))
