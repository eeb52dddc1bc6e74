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


"""Export, while a guest runs on."""

from collections.abc import Callable
from concurrent import futures
import contextlib
import dataclasses
import grp
import json
import os
import pathlib
import signal
import stat

from snapdriver import exception
from snapdriver import exporting
from tests.functional import disks
from tests.functional import guest as guests
from tests.functional import host
from tests.functional.faults import base

_MIB = 1 << 20


class ExportTest(base.FaultTest):

    def setUp(self) -> None:
        super().setUp()
        self.output = host.ROOT / 'home' / f'exports-{self.id()}'
        self.output.mkdir(mode=0o700)
        self.addCleanup(host.as_root, 'rm', '-rf', self.output)

    def guest_with_data(self, mebibytes: int = 8) -> guests.Guest:
        guest = guests.Guest(self).define().start()
        guest.fill(0, mebibytes)
        return guest

    def label(self, guest: guests.Guest, file: pathlib.Path,
              kind: str = 'qcow2', disk: int = 0) -> disks.Label:
        return dataclasses.replace(guest.disks[disk], format=kind).label(file)

    def assert_is_copy(self, guest: guests.Guest, name: str,
                       file: pathlib.Path, kind: str = 'qcow2',
                       disk: str = 'disk') -> None:
        """It shows what the snapshot's layer shows, and stands alone."""
        layer = self.manager.show(guest.name, name).disks[disk]['layer']
        host.as_root('qemu-img', 'compare', '-U', '-f', 'qcow2', '-F', kind,
                     guest.directory / layer, file)
        self.assert_stands_alone(file, kind)

    def assert_stands_alone(self, file: pathlib.Path, kind: str) -> None:
        shown = json.loads(host.as_root(
            'qemu-img', 'info', '-f', kind, '--output=json', file).stdout)
        self.assertNotIn('backing-filename', shown)
        if kind == 'qcow2':
            host.as_root('qemu-img', 'check', '-q', '-f', kind, file)

    def assert_ended(self, guest: guests.Guest, *left: str) -> None:
        """No record is left, and of files only those."""
        self.assertEqual({}, dict(self.state(guest).jobs))
        self.assertEqual(sorted(left), sorted(os.listdir(self.output)))


class TestExport(ExportTest):

    def test_formats_while_the_guest_runs_on(self) -> None:
        guest = self.guest_with_data()
        guest.mark('one')
        self.manager.create(guest.name, 's1')
        guest.mark('two')
        qemu = guest.qemu
        sizes = {}
        for kind, compress in (('qcow2', False), ('raw', False),
                               ('qcow2', True)):
            file = self.output / f'{kind}-{compress}'
            told: list[float] = []
            made = self.manager.export(
                guest.name, 's1', str(file), format=kind, compress=compress,
                progress=told.append)
            guest.wait_more_ticks(2)
            self.assertEqual(
                (str(file), kind, 'disk', 's1', 1 << 30),
                (made.file, made.format, made.disk, made.snapshot,
                 made.virtual_size))
            self.assert_is_copy(guest, 's1', file, kind)
            self.assertEqual('one', self.label(guest, file, kind).mark)
            found = file.stat()
            self.assertEqual(made.bytes, found.st_blocks * 512)
            self.assertEqual((os.geteuid(), 0o600), (
                found.st_uid, stat.S_IMODE(found.st_mode)))
            self.assertEqual(100.0, told[-1])
            self.assertEqual(sorted(told), told)
            sizes[file.name] = made.bytes
        self.assertEqual(qemu, guest.qemu)
        self.assertLess(sizes['raw-False'], 16 * _MIB)
        self.assertLess(sizes['qcow2-True'], 16 * _MIB)
        self.assert_ended(guest, *sizes)
        self.assert_sound(guest)

    def test_any_snapshot_running_or_off(self) -> None:
        guest = guests.Guest(self).define().start()
        for name in ('s1', 's2'):
            guest.mark(name)
            self.manager.create(guest.name, name)
        guest.wait_more_ticks(1)
        self.manager.revert(guest.name, 's1')
        guest.wait_for('^T ')
        safety = next(n for n in self.names(guest) if n.startswith('safety'))
        for when in ('running', 'off'):
            for name in ('s1', 's2', safety):
                file = self.output / f'{name}-{when}'
                self.manager.export(guest.name, name, str(file))
                self.assert_is_copy(guest, name, file)
                self.assertEqual('s2' if name == safety else name,
                                 self.label(guest, file).mark)
            if when == 'running':
                guest.wait_more_ticks(1)
                guest.destroy()
        self.assertEqual(6, len(os.listdir(self.output)))
        self.try_boot(guest)
        self.assert_sound(guest)

    def test_plain_domain(self) -> None:
        guest = guests.Guest(self, plain=True).define().start()
        guest.mark('one')
        self.manager.create(guest.name, 's1')
        guest.mark('two')
        file = self.output / 'out'
        self.manager.export(guest.name, 's1', str(file))
        self.assertEqual('one', self.label(guest, file).mark)
        # Its directory is a folder for all; a name like ours is refused.
        beside = guest.directory / f'{guest.name}-export.qcow2'
        self.manager.export(guest.name, 's1', str(beside))
        refused = self.assertRaises(
            exception.Refused, self.manager.export, guest.name, 's1',
            str(guest.directory / 'x.layer-01234567'))
        self.assertIn('own files', str(refused))
        self.assert_clean(guest)

    def test_disks(self) -> None:
        guest = guests.Guest(self, ('disk', 'disk.eph0')).define().start()
        guest.mark('root', 'vda')
        guest.mark('ephemeral', 'vdb')
        self.manager.create(guest.name, 's1')
        self.manager.create(guest.name, 's2', disks=['vdb'])
        file = str(self.output / 'out')
        refused = self.assertRaises(
            exception.Refused, self.manager.export, guest.name, 's1', file)
        self.assertIn('vda, vdb', str(refused))
        unknown = self.assertRaises(
            exception.DiskNotFound, self.manager.export, guest.name, 's2',
            file, disk='vda')
        self.assertIn('it has: vdb', str(unknown))
        self.assert_ended(guest)
        for snapshot, disk, mark in (
                ('s1', 'vda', 'root'), ('s1', 'disk.eph0', 'ephemeral'),
                ('s2', None, 'ephemeral')):
            path = self.output / f'{snapshot}-{disk}'
            self.manager.export(guest.name, snapshot, str(path), disk=disk)
            self.assertEqual(mark, self.label(guest, path).mark)
        self.assert_clean(guest)

    def test_two_at_once(self) -> None:
        guest = self.guest_with_data()
        guest.mark('one')
        self.manager.create(guest.name, 's1')
        guest.mark('two')
        self.manager.create(guest.name, 's2')
        most = 0

        def look(_: float) -> None:
            nonlocal most
            most = max(most, len(self.state(guest).jobs))

        files = {'one': self.output / 'one', 'two': self.output / 'two'}
        with futures.ThreadPoolExecutor(2) as threads:
            list(threads.map(
                lambda name, file: self.manager.export(
                    guest.name, name, str(file), bandwidth=4, progress=look),
                ('s1', 's2'), files.values()))
        self.assertEqual(2, most)
        for mark, file in files.items():
            self.assertEqual(mark, self.label(guest, file).mark)
        guest.wait_more_ticks(1)
        self.assert_ended(guest, *files)
        self.assert_sound(guest)

    def test_two_of_one_name(self) -> None:
        guest = self.guest_with_data()
        self.manager.create(guest.name, 's1')
        file = self.output / 'out'

        def other() -> None:
            self.manager.export(guest.name, 's1', str(file))

        refused = self.assertRaises(
            exception.Refused, self.manager.export, guest.name, 's1',
            str(file), format='raw', bandwidth=4, progress=_once(other))
        self.assertIn('exists already', str(refused))
        self.assert_is_copy(guest, 's1', file)
        self.assert_ended(guest, 'out')

    def test_other_verbs_meanwhile(self) -> None:
        guest = self.guest_with_data()
        guest.mark('one')
        self.manager.create(guest.name, 's1')
        file = self.output / 'out'

        def others() -> None:
            guest.mark('two')
            self.manager.create(guest.name, 's2')
            self.manager.revert(guest.name, 's1', safety=False)
            guest.wait_for('^T ')
            self.assertEqual('one', guest.found().mark)
            guest.destroy()
            self.manager.settle(guest.name)
            self.try_boot(guest)

        self.manager.export(guest.name, 's1', str(file), bandwidth=4,
                            progress=_once(others))
        self.assert_is_copy(guest, 's1', file)
        self.assertEqual('one', self.label(guest, file).mark)
        self.assert_ended(guest, 'out')
        self.assert_sound(guest)

    def test_deleted_meanwhile(self) -> None:
        guest = self.guest_with_data()
        self.manager.create(guest.name, 's1')
        guest.mark('two')
        self.manager.create(guest.name, 's2')
        self.manager.revert(guest.name, 's1', safety=False)
        guest.wait_for('^T ')
        layer = self.manager.show(guest.name, 's2').disks['disk']['layer']
        file = self.output / 'out'

        def delete() -> None:
            self.manager.delete(guest.name, ['s2'])
            self.manager.recover(guest.name)
            self.assertEqual(['s1'], self.names(guest))
            self.assertIn(layer, guest.files())
            self.assertNotEqual({}, self.state(guest).jobs)

        made = self.manager.export(guest.name, 's2', str(file), bandwidth=4,
                                   progress=_once(delete))
        self.assertEqual('s2', made.snapshot)
        self.assertEqual('two', self.label(guest, file).mark)
        self.assert_stands_alone(file, 'qcow2')
        self.assertNotIn(layer, guest.files())
        self.assert_ended(guest, 'out')
        guest.wait_more_ticks(1)
        self.assert_sound(guest)


class TestInternal(ExportTest):
    """Tags: of what QEMU writes, of frozen layers, of a domain that is off."""

    def setUp(self) -> None:
        super().setUp()
        if 'internal' not in self.manager.kinds:
            self.skipTest('no backend for internal snapshots is installed')

    def test_every_place_of_a_tag(self) -> None:
        guest = self.guest_with_data()
        guest.mark('one')
        self.manager.create(guest.name, 's1', kind='internal')
        guest.mark('two')
        self.export(guest, 'active')
        self.manager.create(guest.name, 's2')
        self.export(guest, 'frozen')
        guest.destroy()
        self.export(guest, 'off')
        self.manager.settle(guest.name)
        self.assert_clean(guest, deep=True)

    def test_grown_since(self) -> None:
        guest = guests.Guest(self, size='16M').define()
        self.write(guest, 'one')
        self.manager.create(guest.name, 's1', kind='internal')
        host.as_root('qemu-img', 'resize', '-q', '-f', 'qcow2',
                     guest.directory / self.active(guest, 'disk'), '32M')
        for kind in ('qcow2', 'raw'):
            file = self.output / kind
            made = self.manager.export(guest.name, 's1', str(file),
                                       format=kind)
            self.assertEqual(16 * _MIB, made.virtual_size)
            shown = host.as_root('qemu-img', 'info', '-f', kind,
                                 '--output=json', file).stdout
            self.assertEqual(16 * _MIB, json.loads(shown)['virtual-size'])
            self.assertEqual('one', self.label(guest, file, kind).mark)

    def test_deleted_meanwhile(self) -> None:
        guest = self.guest_with_data()
        guest.mark('one')
        self.manager.create(guest.name, 's1', kind='internal')
        active = guest.directory / self.active(guest, 'disk')

        def delete() -> None:
            self.manager.delete(guest.name, ['s1'])
            self.assertEqual([], self.names(guest))
            self.assertEqual(['s1'], _tags(active))
            guest.mark('two')
            guest.fill(0, 8, 2)

        file = self.output / 'out'
        self.manager.export(guest.name, 's1', str(file), bandwidth=4,
                            progress=_once(delete))
        self.assertEqual('one', self.label(guest, file).mark)
        self.assert_stands_alone(file, 'qcow2')
        self.assertEqual([], _tags(active))
        guest.wait_more_ticks(1)
        self.assert_ended(guest, 'out')

    def export(self, guest: guests.Guest, name: str) -> None:
        """See that the files are the same, wherever the tag is."""
        file = self.output / name
        self.manager.export(guest.name, 's1', str(file))
        self.assertEqual('one', self.label(guest, file).mark)
        self.assert_stands_alone(file, 'qcow2')
        for other in self.output.iterdir():
            host.run('qemu-img', 'compare', '-f', 'qcow2', '-F', 'qcow2',
                     file, other)


class TestRefused(ExportTest):

    def refused(self, guest: guests.Guest, text: str, file: str | os.PathLike,
                **named: object) -> None:
        before = guest.files()
        error = self.assertRaises(
            exception.Refused, self.manager.export, guest.name, 's1',
            os.fspath(file), **named)
        self.assertIn(text, str(error))
        self.assertNotIn('\n', str(error))
        self.assertEqual(before, guest.files())
        self.assertEqual({}, dict(self.state(guest).jobs))

    def test_refused(self) -> None:
        guest = guests.Guest(self).define()
        self.manager.create(guest.name, 's1')
        existing = self.output / 'existing'
        existing.write_text('mine')
        self.refused(guest, 'exists already', existing)
        for name, target in (('link', existing), ('dangling', 'new')):
            (self.output / name).symlink_to(target)
            self.refused(guest, 'exists already', self.output / name)
        self.refused(guest, 'exists already', self.output)
        self.refused(guest, 'No such file', self.output / 'none' / 'out')
        self.refused(guest, 'Not a directory', existing / 'out')
        self.refused(guest, 'Permission denied', '/etc/out')
        self.refused(guest, 'cannot be made', self.output / 'null\0')
        self.refused(guest, 'own files', guest.directory / 'out')
        self.refused(guest, 'own files',
                     guest.directory / 'snapdriver' / 'out')
        file = self.output / 'out'
        self.refused(guest, 'vmdk', file, format='vmdk')
        self.refused(guest, 'compressed', file, format='raw', compress=True)
        self.assertRaises(exception.SnapshotNotFound, self.manager.export,
                          guest.name, 's2', str(file))
        self.assertEqual('mine', existing.read_text())
        self.assertEqual({'existing', 'link', 'dangling'},
                         set(os.listdir(self.output)))

    def test_headers_are_checked(self) -> None:
        guest = guests.Guest(self).define()
        self.manager.create(guest.name, 's1')
        self.manager.create(guest.name, 's2')
        layer = self.manager.show(guest.name, 's1').disks['disk']['layer']
        secret = self.output / 'secret'
        secret.write_bytes(b'secret' * 1000)
        host.as_root('qemu-img', 'rebase', '-u', '-f', 'qcow2', '-F', 'raw',
                     '-b', secret, guest.directory / layer)
        self.assertRaises(
            exception.UnsafeImage, self.manager.export, guest.name, 's2',
            str(self.output / 'out'))
        self.assert_ended(guest, 'secret')


class TestNoSpace(ExportTest):

    def small(self, mebibytes: int) -> None:
        """Make the output's directory a file system of that size."""
        owner = self.output.stat()
        self.addCleanup(host.as_root, 'umount', '-l', self.output)
        host.as_root('mount', '-t', 'tmpfs', '-o',
                     f'size={mebibytes}m,mode=0700,uid={owner.st_uid},'
                     f'gid={owner.st_gid}', 'tmpfs', self.output)

    def test_refused_early(self) -> None:
        guest = self.guest_with_data(16)
        self.manager.create(guest.name, 's1')
        self.small(8)
        for kind in ('qcow2', 'raw'):
            refused = self.assertRaises(
                exception.Refused, self.manager.export, guest.name, 's1',
                str(self.output / 'out'), format=kind)
            self.assertRegex(str(refused), r'about \d+ bytes.* 8388608 are')
            self.assert_ended(guest)

    def test_what_is_hidden_by_layers_above_is_not_counted(self) -> None:
        guest = self.guest_with_data()
        for name in ('s1', 's2', 's3'):
            guest.fill(0, 8)
            self.manager.create(guest.name, name)
        self.small(16)
        self.manager.export(guest.name, 's3', str(self.output / 'out'))
        self.assert_is_copy(guest, 's3', self.output / 'out')

    def test_full_in_the_middle(self) -> None:
        guest = self.guest_with_data(16)
        self.manager.create(guest.name, 's1')
        self.small(24)
        filler = self.output / 'filler'

        def fill() -> None:
            with contextlib.suppress(OSError), open(filler, 'wb', 0) as file:
                while True:
                    file.write(b'\0' * 4096)

        for kind, compress in (('qcow2', False), ('raw', False),
                               ('qcow2', True)):
            full = self.assertRaises(
                exception.NoSpace, self.manager.export, guest.name, 's1',
                str(self.output / 'out'), format=kind, compress=compress,
                bandwidth=8, progress=_once(fill))
            self.assertEqual(str(self.output / 'out'), full.path)
            self.assert_ended(guest, 'filler')
            filler.unlink()
            self.assertEqual(24 * _MIB, _free(self.output))
        guest.wait_more_ticks(1)
        self.manager.export(guest.name, 's1', str(self.output / 'out'))
        self.assert_is_copy(guest, 's1', self.output / 'out')
        self.assert_sound(guest)


class TestInterrupted(ExportTest):

    def test_by_the_keyboard(self) -> None:
        guest = self.guest_with_data()
        self.manager.create(guest.name, 's1')

        def interrupt() -> None:
            self.assertEqual(1, len(self.state(guest).jobs))
            raise KeyboardInterrupt

        self.assertRaises(
            KeyboardInterrupt, self.manager.export, guest.name, 's1',
            str(self.output / 'out'), bandwidth=1, progress=_once(interrupt))
        self.assert_ended(guest)
        self.assertEqual('', host.run('pgrep', '-f', self.output.name,
                                      check=False).stdout)
        self.assert_sound(guest)

    def test_killed(self) -> None:
        """Nothing is left, and the layers go that it has pinned."""
        guest = self.guest_with_data()
        self.manager.create(guest.name, 's1')
        self.manager.create(guest.name, 's2')
        self.manager.revert(guest.name, 's1', safety=False)
        guest.wait_for('^T ')
        layer = self.manager.show(guest.name, 's2').disks['disk']['layer']
        victim = self.start(self.job(
            'export', guest, 's2', str(self.output / 'out'), bandwidth=1,
            progress=_stop))
        victim.wait_stopped()
        job, = self.state(guest).jobs.values()
        self.manager.recover(guest.name)
        self.manager.delete(guest.name, ['s2'])
        self.assertIn(layer, guest.files())
        self.assertTrue(exporting.is_alive(job))
        victim.kill()
        victim.wait()
        self.assertFalse(exporting.is_alive(job))
        self.manager.recover(guest.name)
        self.assert_ended(guest)
        self.assertNotIn(layer, guest.files())
        host.wait_until(lambda: not _readers(guest), 'no qemu-img is left')
        self.assert_recover_does_nothing(guest)
        self.assert_sound(guest)


class TestCommand(ExportTest):

    def export(self, user: str, guest: guests.Guest, file: pathlib.Path,
               *more: str) -> dict[str, object]:
        done = host.run_cli(
            'snapshot', 'export', guest.name, 's1', str(file), '-f', 'json',
            *more, user=user)  # type: ignore[arg-type]
        self.assertEqual('', done.stderr)
        answer: dict[str, object] = json.loads(done.stdout)
        return answer

    def test_owner_and_root(self) -> None:
        guest = self.guest_with_data()
        guest.mark('one')
        self.manager.create(guest.name, 's1')
        guest.mark('two')
        private = self.output / 'private'
        host.as_root('mkdir', '-m', '0700', private)
        for user, folder, owner in (
                ('owner', self.output, os.geteuid()),
                ('root', self.output, 0), ('root', private, 0)):
            for kind in ('qcow2', 'raw'):
                file = folder / f'{user}.{kind}'
                answer = self.export(user, guest, file, '--format', kind)
                self.assertEqual(
                    ['file', 'format', 'virtual_size', 'bytes', 'snapshot',
                     'disk'], list(answer))
                self.assertEqual((str(file), kind, 1 << 30, 's1'), (
                    answer['file'], answer['format'], answer['virtual_size'],
                    answer['snapshot']))
                self.assertEqual(f'{owner} 600\n', host.as_root(
                    'stat', '-c', '%u %a', file).stdout)
                self.assert_is_copy(guest, 's1', file, kind)
                self.assertEqual('one', self.label(guest, file, kind).mark)
        guest.wait_more_ticks(1)
        self.assert_sound(guest)

    def test_errors(self) -> None:
        guest = guests.Guest(self).define()
        self.manager.create(guest.name, 's1')
        for code, text, arguments in (
                (1, 'exists already', ['s1', str(self.output)]),
                (1, 'compressed', ['s1', str(self.output / 'out'),
                                   '--format', 'raw', '--compress']),
                (1, 'no snapshot', ['s2', str(self.output / 'out')]),
                (2, 'invalid choice', ['s1', str(self.output / 'out'),
                                       '--format', 'vmdk'])):
            done = host.run_cli('snapshot', 'export', guest.name, *arguments,
                                check=False)
            self.assertEqual((code, '', 1), (
                done.returncode, done.stdout, done.stderr.count('\n')))
            self.assertIn(text, done.stderr)
        self.assert_ended(guest)

    def test_directory_of_root(self) -> None:
        """qemu-img runs as another user, to whom the files are shown."""
        guest = self.guest_with_data()
        guest.mark('one')
        host.as_root('chown', 'root:root', guest.directory)
        host.run_cli('snapshot', 'create', guest.name, 's1', user='root')
        guest.mark('two')
        self.export('root', guest, self.output / 'running')
        guest.wait_more_ticks(1)
        guest.destroy()
        self.export('root', guest, self.output / 'off')
        for name in ('running', 'off'):
            self.assertEqual('one', self.label(
                guest, self.output / name).mark)
        shown = grp.getgrnam('nogroup').gr_gid
        for name, found in guest.files().items():
            self.assertNotEqual(shown, found.gid, name)
        self.try_boot(guest)


def _once(act: Callable[[], None]) -> Callable[[float], None]:
    """What acts when something has been copied, and not again."""
    acted = False

    def progress(percent: float) -> None:
        nonlocal acted
        if percent > 0 and not acted:
            acted = True
            act()

    return progress


def _stop(percent: float) -> None:
    """Stand still in the middle."""
    if percent > 0:
        os.kill(os.getpid(), signal.SIGSTOP)


def _tags(image: pathlib.Path) -> list[str]:
    shown = host.as_root('qemu-img', 'info', '-U', '-f', 'qcow2',
                         '--output=json', image).stdout
    return [tag['name'] for tag in json.loads(shown).get('snapshots', ())]


def _readers(guest: guests.Guest) -> str:
    """The processes of qemu-img that read the guest's layers."""
    return host.run('pgrep', '-f', f'qemu-img convert .*{guest.uuid}',
                    check=False).stdout


def _free(directory: pathlib.Path) -> int:
    found = os.statvfs(directory)
    return found.f_bavail * found.f_frsize
