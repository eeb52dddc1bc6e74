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

"""Files that somebody has put where ours are, or should be."""

from collections.abc import Callable
import contextlib
import os
import pathlib
import struct
from typing import Any
from unittest import mock

from snapdriver import exception
from snapdriver import naming
from tests.functional import guest as guests
from tests.functional import host
from tests.functional.faults import base


class TestPlanted(base.FaultTest):

    def setUp(self) -> None:
        super().setUp()
        self.guest = guests.Guest(self).define()
        self.write(self.guest, 'one')
        self.target = host.ROOT / 'home' / f'{self.guest.name}.target'
        self.addCleanup(self.target.unlink)
        host.run('qemu-img', 'create', '-q', '-f', 'qcow2', self.target, '1G')
        os.utime(self.target, ns=(1, 1))  # relatime would hide a reading
        self.before = self.told()

    def told(self) -> list[Any]:
        """All that would show that the target was opened or changed."""
        status = self.target.stat()
        with open(self.target, 'rb', opener=_without_a_trace) as file:
            return [status.st_atime_ns, status.st_mtime_ns, status.st_mode,
                    status.st_uid, status.st_size, file.read()]

    def plant(self, kind: str, path: pathlib.Path) -> None:
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        if kind == 'symlink':
            path.symlink_to(self.target)
        elif kind == 'hardlink':
            path.hardlink_to(self.target)
        elif kind == 'fifo':
            os.mkfifo(path)
        elif kind == 'directory':
            path.mkdir()
        else:
            path.symlink_to('/nonexistent/nothing')

    def each_kind(self, path: pathlib.Path, *verbs: Callable[[], object],
                  kinds: tuple[str, ...] = ('symlink', 'hardlink', 'fifo',
                                            'dangling', 'directory'),
                  ) -> None:
        away = path.with_name('taken-away')
        there = path.exists()
        if there:
            path.rename(away)
        for kind in kinds:
            self.plant(kind, path)
            for verb in verbs:
                error = self.assertRaises(exception.SnapdriverError, verb)
                self.assertNotIn('\n', str(error))
                self.assertIn(path.name, str(error), kind)
                self.assertEqual(self.before, self.told(), kind)
            with contextlib.suppress(FileNotFoundError):
                (path.rmdir if kind == 'directory' else path.unlink)()
        if there:
            away.rename(path)

    @property
    def folder(self) -> pathlib.Path:
        return self.guest.directory / 'snapdriver'

    def verb(self, name: str, *arguments: Any) -> Callable[[], object]:
        return lambda: getattr(self.manager, name)(
            self.guest.name, *arguments)

    def test_as_the_disk(self) -> None:
        self.each_kind(self.guest.directory / 'disk',
                       self.verb('create', 'x'))

    def test_as_the_disk_of_a_snapshot(self) -> None:
        self.manager.create(self.guest.name, 's1')
        self.each_kind(self.guest.directory / 'disk',
                       self.verb('create', 'x'), self.verb('revert', 's1'),
                       self.verb('settle'))
        self.assert_sound(self.guest)

    def test_as_a_layer(self) -> None:
        self.manager.create(self.guest.name, 's1')
        self.write(self.guest, 'two')
        self.manager.create(self.guest.name, 's2')
        layers = self.state(self.guest).layers.values()
        for layer in layers:
            path = self.guest.directory / layer.file
            self.each_kind(path, self.verb('create', 'x'))
            self.plant('symlink', away(path))
            self.assertIn('layer-unsafe', [
                f.code for f in self.manager.check(self.guest.name)])
            path.unlink()
            path.with_name('taken-away').rename(path)
        self.assertEqual(self.before, self.told())
        self.assert_sound(self.guest)

    def test_as_the_folder(self) -> None:
        self.each_kind(self.folder, self.verb('create', 'x'),
                       self.verb('list'), self.verb('recover'),
                       kinds=('symlink', 'hardlink', 'fifo', 'dangling'))

    def test_as_the_state_file(self) -> None:
        self.manager.create(self.guest.name, 's1')
        self.each_kind(self.folder / 'state.json', self.verb('create', 'x'),
                       self.verb('list'), self.verb('recover'))
        self.assert_sound(self.guest)

    def test_as_the_lock(self) -> None:
        self.manager.create(self.guest.name, 's1')
        self.each_kind(self.folder / 'lock', self.verb('create', 'x'),
                       self.verb('recover'))
        self.assert_sound(self.guest)

    def test_as_what_is_written_next(self) -> None:
        """Names that we write through: replaced, never followed."""
        for kind in ('symlink', 'hardlink', 'fifo', 'dangling'):
            self.manager.create(self.guest.name, f'{kind}.1')
            self.plant(kind, self.folder / 'state.json.new')
            self.manager.create(self.guest.name, f'{kind}.2')
            self.plant(kind, self.guest.directory / 'disk.layer-settle')
            self.manager.create(self.guest.name, f'{kind}.3')
            self.assertEqual(self.before, self.told())
            self.assert_sound(self.guest)
            self.manager.delete(self.guest.name, [], everything=True)
        self.assertEqual({'one'}, self.active_marks(self.guest))

    def test_as_the_overlay(self) -> None:
        """A name that nobody can know beforehand; still not followed."""
        for kind in ('symlink', 'hardlink', 'fifo', 'dangling', 'directory'):
            path = self.guest.directory / naming.layer_file('disk', 'deadbeef')
            self.plant(kind, path)
            ids = iter(['0badcafe', 'deadbeef', '00c0ffee'])
            with mock.patch.object(naming, 'new_layer_id',
                                   lambda ids=ids: next(ids)):
                with contextlib.suppress(exception.SnapdriverError):
                    self.manager.create(self.guest.name, 'x')
            self.assertEqual(self.before, self.told(), kind)
            self.manager.recover(self.guest.name)
            self.assertEqual({'one'}, self.active_marks(self.guest))
            self.guest._remove()
            self.guest = guests.Guest(self).define()
            self.write(self.guest, 'one')

    def test_a_header_with_a_data_file(self) -> None:
        disk = self.guest.directory / 'disk'
        disk.unlink()
        host.run('qemu-img', 'create', '-q', '-f', 'qcow2', '-o',
                 f'data_file={self.guest.directory}/data', disk, '1G')
        error = self.assertRaises(
            exception.UnsafeImage, self.manager.create, self.guest.name)
        self.assertIn('data file', str(error))
        self.assertRaises(exception.SnapdriverError, self.manager.adopt,
                          self.guest.name)

    def test_a_backing_file_elsewhere(self) -> None:
        disk = self.guest.directory / 'disk'
        for backing, form in ((str(self.target), 'qcow2'),
                              ('/etc/passwd', 'raw'),
                              ('../../home/x', 'raw'),
                              ('json:{"driver":"null-co"}', 'raw'),
                              ('nbd://127.0.0.1:1/x', 'raw'),
                              ('disk', 'qcow2')):
            disk.unlink()
            host.run('qemu-img', 'create', '-q', '-u', '-f', 'qcow2', '-F',
                     form, '-b', backing, disk, '1G')
            for verb in (self.verb('create', 'x'), self.verb('adopt')):
                error = self.assertRaises(exception.SnapdriverError, verb)
                self.assertNotIn('\n', str(error))
            self.assertEqual(self.before, self.told(), backing)
        self.assertEqual([], self.names(self.guest))

    def test_a_layer_that_points_elsewhere(self) -> None:
        """A header that was changed behind our back, once it is ours."""
        self.manager.create(self.guest.name, 's1')
        active = next(layer for layer in self.state(self.guest).layers.values()
                      if layer.parent is not None)
        path = self.guest.directory / active.file
        good = path.read_bytes()
        host.run('qemu-img', 'rebase', '-u', '-f', 'qcow2', '-F', 'qcow2',
                 '-b', self.target, path)
        for verb in (self.verb('create', 'x'), self.verb('revert', 's1')):
            error = self.assertRaises(exception.UnsafeImage, verb)
            self.assertIn(str(self.target), str(error))
        self.assertIn('header-differs', [
            f.code for f in self.manager.check(self.guest.name)])
        self.assertEqual(self.before, self.told())
        path.write_bytes(good)
        self.assert_sound(self.guest, deep=True)

    def test_a_header_that_is_none(self) -> None:
        disk = self.guest.directory / 'disk'
        good = disk.read_bytes()
        for raw in (b'', b'QFI\xfb', b'\0' * 4096,
                    good[:4] + struct.pack('>I', 9) + good[8:],
                    good[:8] + b'\xff' * 16 + good[24:],
                    good[:104] + b'\xff' * 400):
            disk.write_bytes(raw)
            error = self.assertRaises(exception.SnapdriverError,
                                      self.manager.create, self.guest.name)
            self.assertNotIn('\n', str(error))
        disk.write_bytes(good)
        self.manager.create(self.guest.name, 'x')
        self.assert_sound(self.guest)


def away(path: pathlib.Path) -> pathlib.Path:
    """Put a file aside; its place is free then."""
    path.rename(path.with_name('taken-away'))
    return path


def _without_a_trace(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOATIME)
