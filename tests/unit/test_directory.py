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

"""Files by descriptor: only plain ones that lie in their directory."""

from collections.abc import Callable
import errno
import os
import socket
import stat
from unittest import mock

from snapdriver import directory
from snapdriver import exception
from snapdriver import privsep
from tests.unit import base

_HOSTILE = ('', '.', '..', '../x', 'a/b', '/etc/passwd', 'a\0')


class OpenTest(base.TestCase):
    def test_closed_twice(self) -> None:
        where = directory.Directory(self.make_path())
        where.close()
        where.close()
        self.assertRaises(OSError, where.names)

    def test_path_is_normal(self) -> None:
        path = self.make_path()
        where = directory.Directory(path + '/./')
        self.addCleanup(where.close)
        self.assertEqual(path, where.path)

    def test_none(self) -> None:
        self.assertRaises(FileNotFoundError, directory.Directory,
                          self.make_path() + '/none')

    def test_a_link_to_a_directory(self) -> None:
        path = self.make_path()
        os.symlink(path, path + '.link')
        for name in (path + '.link', path + '.link/'):
            self.assertRaises(exception.UnsafeFile, directory.Directory,
                              name)

    def test_a_file(self) -> None:
        where = self.make_directory()
        self.assertRaises(exception.UnsafeFile, directory.Directory,
                          self.write(where, 'file'))

    def test_it_goes_on_when_the_directory_is_renamed(self) -> None:
        where = self.make_directory()
        self.write(where, 'file')
        os.rename(where.path, where.path + '.moved')
        os.mkdir(where.path)
        self.assertEqual(['file'], where.names())
        self.assertEqual(b'data', where.read('file', 10))


class NamesTest(base.TestCase):
    def test_no_name_leads_out_of_it(self) -> None:
        where = self.make_directory()
        self.write(where, 'file')
        calls: list[Callable[[str], object]] = [
            where.path_of, where.stat, where.regular, where.create,
            where.unlink, where.sync_file, where.subdirectory, where.take,
            where.remove_subdirectory,
            lambda name: where.read(name, 10),
            lambda name: where.opened(name).__enter__(),
            lambda name: where.same('file', name),
            lambda name: where.replace_file(name, b''),
            lambda name: where.rename('file', name),
            lambda name: where.rename(name, 'file'),
            lambda name: where.link('file', name),
            lambda name: where.link(name, 'new'),
            lambda name: where.chmod(name, 0o600)]
        before = sorted(os.listdir(os.path.dirname(where.path)))
        for call in calls:
            for name in _HOSTILE:
                self.assertRaises(exception.InvalidName, call, name)
        self.assertEqual(before,
                         sorted(os.listdir(os.path.dirname(where.path))))
        self.assertEqual(['file'], [name for name in where.names()
                                    if not name.endswith('.new')])

    def test_names_are_sorted(self) -> None:
        where = self.make_directory()
        for name in ('b', 'a\nb', '\u00e9', 'a'):
            self.write(where, name)
        self.assertEqual(['a', 'a\nb', 'b', '\u00e9'], where.names())

    def test_same(self) -> None:
        where = self.make_directory()
        os.link(self.write(where, 'a'), where.path_of('b'))
        self.write(where, 'c')
        os.symlink('a', where.path_of('d'))
        self.assertTrue(where.same('a', 'b'))
        for other in ('c', 'd', 'none'):
            self.assertFalse(where.same('a', other))
        self.assertFalse(where.same('none', 'none'))

    def test_rename_and_unlink(self) -> None:
        where = self.make_directory()
        self.write(where, 'a', b'a')
        self.write(where, 'b', b'b')
        where.rename('a', 'b')
        self.assertEqual(['b'], where.names())
        self.assertEqual(b'a', self.read(where, 'b'))
        where.unlink('b')
        where.unlink('b')
        self.assertEqual([], where.names())

    def test_free(self) -> None:
        free, total = self.make_directory().free()
        self.assertTrue(0 < free <= total)


class RegularTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.where = self.make_directory()
        self.path = self.where.path_of('file')

    def assert_unsafe(self, reason: str) -> None:
        for call in (lambda: self.where.regular('file'),
                     lambda: self.where.read('file', 10),
                     lambda: self.where.sync_file('file'),
                     lambda: self.where.link('file', 'new'),
                     lambda: self.where.chmod('file', 0o600),
                     lambda: self.where.take('file')):
            error = self.assertRaises(exception.UnsafeFile, call)
            self.assertIn(reason, str(error))
            self.assertEqual(self.path, error.path)
        self.assertNotIn('new', self.where.names())

    def outside(self) -> str:
        path = os.path.join(os.path.dirname(self.where.path), 'outside')
        with open(path, 'wb') as file:
            file.write(b'secret')
        return path

    def test_a_plain_file(self) -> None:
        self.write(self.where, 'file')
        self.assertEqual(4, self.where.regular('file').st_size)

    def test_links_inside_are_fine(self) -> None:
        self.write(self.where, 'file')
        for name in ('second', 'third'):
            os.link(self.path, self.where.path_of(name))
        self.where.regular('file')
        self.assertEqual(b'data', self.where.read('third', 10))

    def test_missing(self) -> None:
        self.assertRaises(FileNotFoundError, self.where.read, 'file', 10)
        error = self.assertRaises(exception.FileMissing, self.where.regular,
                                  'file')
        self.assertIn('is missing', str(error))

    def test_symbolic_links(self) -> None:
        self.write(self.where, 'inside')
        for target in ('inside', self.outside(), 'nowhere', '/'):
            os.symlink(target, self.path)
            self.assert_unsafe('regular')
            os.unlink(self.path)

    def test_a_hard_link_outside(self) -> None:
        os.link(self.outside(), self.path)
        self.assert_unsafe('hard link')
        # One more inside does not make up for the one outside.
        os.link(self.path, self.where.path_of('second'))
        self.assert_unsafe('hard link')

    def test_a_fifo_does_not_hang(self) -> None:
        os.mkfifo(self.path)
        self.assert_unsafe('regular')

    def test_a_socket(self) -> None:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(self.path)
        self.assert_unsafe('regular')

    def test_a_directory(self) -> None:
        os.mkdir(self.path)
        self.assert_unsafe('regular')

    def test_a_device(self) -> None:
        try:
            os.mknod(self.path, stat.S_IFCHR | 0o600, os.makedev(1, 3))
        except PermissionError:
            self.skipTest('needs CAP_MKNOD')
        self.assert_unsafe('regular')

    def test_another_file_system(self) -> None:
        self.write(self.where, 'file')
        self.where.device += 1
        self.assert_unsafe('file system')


class ExchangedTest(base.TestCase):
    """A file that is replaced between the look at it and the opening."""

    def setUp(self) -> None:
        super().setUp()
        self.where = self.make_directory()
        self.path = self.write(self.where, 'file', b'old')
        self.write(self.where, 'other', b'new')

    def exchange(self, how: Callable[[], None], times: int = 1) -> None:
        """Do that right after the file was found to be safe."""
        look = self.where.regular
        self.left = times

        def regular(name: str) -> os.stat_result:
            found = look(name)
            if self.left > 0:
                self.left -= 1
                how()
            return found

        patch = mock.patch.object(self.where, 'regular', regular)
        patch.start()
        self.addCleanup(patch.stop)

    def test_by_another_safe_file(self) -> None:
        self.exchange(lambda: self.where.rename('other', 'file'))
        self.assertEqual(b'new', self.where.read('file', 10))

    def test_by_a_symbolic_link(self) -> None:
        self.exchange(lambda: self._replace(
            lambda path: os.symlink('other', path)))
        self.assertRaises(exception.UnsafeFile, self.where.read, 'file', 10)

    def test_by_a_fifo(self) -> None:
        self.exchange(lambda: self._replace(os.mkfifo))
        self.assertRaises(exception.UnsafeFile, self.where.read, 'file', 10)

    def test_by_a_directory(self) -> None:
        self.exchange(lambda: self._replace(os.mkdir))
        self.assertRaises(exception.UnsafeFile, self.where.read, 'file', 10)

    def test_by_nothing(self) -> None:
        self.exchange(lambda: os.unlink(self.path))
        self.assertRaises(exception.UnsafeFile, self.where.read, 'file', 10)

    def test_for_ever(self) -> None:
        self.exchange(lambda: self.where.replace_file('file', b'x'), 1 << 30)
        self.assertRaises(exception.UnsafeFile, self.where.read, 'file', 10)
        # No descriptor is left behind.
        self.assertLess(len(os.listdir('/proc/self/fd')), 100)

    def _replace(self, make: Callable[[str], object]) -> None:
        os.unlink(self.path)
        make(self.path)


class ReadTest(base.TestCase):
    def test_limit(self) -> None:
        where = self.make_directory()
        self.write(where, 'file', b'x' * 100)
        self.assertEqual(b'x' * 100, where.read('file', 100))
        self.assertRaises(exception.UnsafeFile, where.read, 'file', 99)
        self.write(where, 'empty', b'')
        self.assertEqual(b'', where.read('empty', 0))

    def test_no_descriptor_stays_open(self) -> None:
        where = self.make_directory()
        self.write(where, 'file')
        before = len(os.listdir('/proc/self/fd'))
        where.read('file', 10)
        self.assertRaises(exception.UnsafeFile, where.read, 'file', 1)
        where.sync_file('file')
        self.assertEqual(before, len(os.listdir('/proc/self/fd')))


class CreateTest(base.TestCase):
    def assert_made(self, where: directory.Directory, name: str,
                    mode: int) -> None:
        found = os.lstat(os.path.join(where.path, name))
        self.assertEqual(oct(mode), oct(stat.S_IMODE(found.st_mode)))
        self.assertEqual((where.uid, where.gid),
                         (found.st_uid, found.st_gid))

    def test_mode_and_owner_whatever_the_umask(self) -> None:
        for mask in (0, 0o022, 0o077, 0o777):
            where = self.make_directory()
            self.set_umask(mask)
            os.close(where.create('private'))
            os.close(where.create('shared', 0o660))
            where.replace_file('state', b'x')
            os.umask(0o022)
            self.assert_made(where, 'private', 0o600)
            self.assert_made(where, 'shared', 0o660)
            self.assert_made(where, 'state', 0o600)

    def test_subdirectory(self) -> None:
        for mask in (0, 0o022, 0o077):
            where = self.make_directory()
            self.set_umask(mask)
            made = where.subdirectory('sub')
            self.addCleanup(made.close)
            self.assert_made(where, 'sub', 0o700)
            again = where.subdirectory('sub')
            self.addCleanup(again.close)
            self.assertEqual(where.path_of('sub'), again.path)

    def test_a_subdirectory_that_root_was_killed_in_making(self) -> None:
        if not base.AS_ROOT:
            self.skipTest('only root makes it for another user')
        where = self.make_directory()
        with mock.patch('os.fchown', side_effect=KeyboardInterrupt):
            self.assertRaises(KeyboardInterrupt, where.subdirectory, 'sub')
        made = where.subdirectory('sub')
        self.addCleanup(made.close)
        self.assertEqual((where.uid, where.gid), (made.uid, made.gid))
        self.assert_made(where, 'sub', 0o700)

    def test_no_subdirectory_through_a_link(self) -> None:
        where = self.make_directory()
        os.symlink(os.path.dirname(where.path), where.path_of('link'))
        self.write(where, 'file')
        for name in ('link', 'file'):
            self.assertRaises(exception.UnsafeFile, where.subdirectory, name)

    def test_remove_subdirectory(self) -> None:
        where = self.make_directory()
        where.subdirectory('sub').close()
        self.write(where, 'sub/file')
        where.remove_subdirectory('sub')
        self.assertEqual(['sub'], where.names())
        os.unlink(os.path.join(where.path, 'sub/file'))
        where.remove_subdirectory('sub')
        where.remove_subdirectory('sub')
        self.assertEqual([], where.names())

    def test_nothing_is_overwritten(self) -> None:
        where = self.make_directory()
        self.write(where, 'file')
        os.symlink('nowhere', where.path_of('link'))
        os.mkdir(where.path_of('sub'))
        for name in ('file', 'link', 'sub'):
            self.assertRaises(FileExistsError, where.create, name)
        self.assertNotIn('nowhere', where.names())
        self.assertEqual(b'data', self.read(where, 'file'))


class ReplaceFileTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.where = self.make_directory()
        self.write(self.where, 'file', b'old')

    def test_replaced(self) -> None:
        self.where.replace_file('file', b'new')
        self.assertEqual(b'new', self.read(self.where, 'file'))
        self.assertEqual(['file'], self.where.names())

    def test_long(self) -> None:
        write = os.write
        with mock.patch('os.write', lambda fd, data: write(fd, data[:7])):
            self.where.replace_file('file', bytes(range(256)))
        self.assertEqual(bytes(range(256)), self.read(self.where, 'file'))

    def test_a_failure_leaves_the_old_one_alone(self) -> None:
        for call in ('os.write', 'os.fsync', 'os.fchmod', 'os.rename'):
            for error in (OSError(errno.ENOSPC, 'full'), KeyboardInterrupt()):
                with mock.patch(call, side_effect=error):
                    self.assertRaises(type(error), self.where.replace_file,
                                      'file', b'new')
                self.assertEqual(b'old', self.read(self.where, 'file'))
        self.where.replace_file('file', b'new')
        self.assertEqual(['file'], self.where.names())

    def test_a_full_disk_keeps_no_leftover(self) -> None:
        for call in ('os.write', 'os.fsync'):
            with mock.patch(call, side_effect=OSError(errno.ENOSPC, 'full')):
                self.assertRaises(OSError, self.where.replace_file, 'file',
                                  b'new')
            self.assertEqual(['file'], self.where.names())

    def test_a_leftover_is_not_followed(self) -> None:
        outside = self.write(self.make_directory(), 'outside')
        for make in (lambda path: os.symlink(outside, path),
                     lambda path: os.link(outside, path), os.mkfifo):
            make(self.where.path_of('file.new'))
            self.where.replace_file('file', b'new')
            self.assertEqual(b'new', self.read(self.where, 'file'))
            self.assertEqual(['file'], self.where.names())
            with open(outside, 'rb') as file:
                self.assertEqual(b'data', file.read())

    def test_on_disk_before_it_is_seen(self) -> None:
        calls: list[str] = []
        with mock.patch.multiple(
                os, fsync=lambda fd: calls.append(
                    'directory' if stat.S_ISDIR(os.fstat(fd).st_mode)
                    else 'file'),
                rename=lambda *_, **__: calls.append('rename')):
            self.where.replace_file('file', b'new')
        self.assertEqual(['file', 'rename', 'directory'], calls)


class WriteNewTest(base.TestCase):
    def test_a_leftover_is_replaced(self) -> None:
        where = self.make_directory()
        outside = self.write(self.make_directory(), 'outside')
        os.symlink(outside, where.path_of('file'))
        where.write_new('file', b'new')
        self.assertEqual(b'new', self.read(where, 'file'))
        with open(outside, 'rb') as file:
            self.assertEqual(b'data', file.read())

    def test_a_full_disk_keeps_no_part(self) -> None:
        where = self.make_directory()
        with mock.patch('os.write', side_effect=OSError(
                errno.ENOSPC, 'full')):
            self.assertRaises(OSError, where.write_new, 'file', b'new')
        self.assertEqual([], where.names())


class PrivilegedTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.where = self.make_directory()
        self.write(self.where, 'file')

    def mode(self, name: str) -> int:
        found = self.where.stat(name)
        assert found is not None
        return stat.S_IMODE(found.st_mode)

    def test_link(self) -> None:
        self.where.link('file', 'second')
        self.assertTrue(self.where.same('file', 'second'))
        self.assertRaises(FileExistsError, self.where.link, 'file', 'second')

    def test_chmod(self) -> None:
        self.where.chmod('file', directory.FROZEN_MODE)
        self.assertEqual(0o440, self.mode('file'))
        self.where.chmod('file', directory.ACTIVE_MODE)
        self.assertEqual(0o600, self.mode('file'))

    def test_nothing_to_do_needs_no_privileges(self) -> None:
        with mock.patch.object(privsep, '_do', side_effect=AssertionError):
            self.where.chmod('file', 0o600)
            self.where.take('file')

    def test_take(self) -> None:
        if not base.AS_ROOT:
            self.skipTest('only root can give a file away')
        os.chown(self.where.path_of('file'), 12345, 12345)
        self.where.take('file')
        found = self.where.regular('file')
        self.assertEqual((self.where.uid, self.where.gid),
                         (found.st_uid, found.st_gid))
