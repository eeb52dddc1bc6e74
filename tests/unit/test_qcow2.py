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

"""Headers of images that qemu-img really makes, and of those nobody should."""

import base64
import errno
import os
import random
import shutil
import struct
import subprocess
from unittest import mock
import zlib

import fixtures
from oslo_config import cfg

from snapdriver import directory
from snapdriver import emptyqcow2
from snapdriver import exception
from snapdriver import qcow2
from snapdriver import qemuimg
from tests.unit import base

_MIB = 1 << 20
_SEED = 20240702  # CVE-2024-4467
# qemu-img takes seconds to make one: "create -f qcow2 --object
# secret,id=s,data=x -o encrypt.format=luks,encrypt.key-secret=s disk 64M".
_LUKS = (
    'eNoLdPP8zcDAwMyACgRABAuEzQTEjGAWTBUjEkkYgIwpgHFYzfeVw8yHWcAgP4Ehg/lHONDI'
    'BgaGlMyikkqFpMwS4kxnTM4vKiotKCFWB1NqRUlqUV5ijkJKYkmiQlpmTipe9czJ+bkFRanF'
    'xZn5eQollQWphHwLMj8vJTVFwcdIITWvpCgztRif8xlyEqsqFYpS05LzS/NKigk6nwHoz9zE'
    'gmIiA5+JsSixXAHFzwyjYBTAAAASGzKR')


def qemu_img(*args: str) -> str:
    return subprocess.run(('qemu-img', *args), check=True, text=True,
                          capture_output=True).stdout


class ImageTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        if shutil.which('qemu-img') is None:
            self.skipTest('needs qemu-img')
        self.where = self.make_directory()

    def image(self, *options: str, name: str = 'disk',
              size: str = '64M') -> str:
        path = self.where.path_of(name)
        qemu_img('create', '-q', '-f', 'qcow2', *options, path, size)
        return path

    def header(self, name: str = 'disk') -> qcow2.Header:
        return qcow2.read_header(self.where, name)


class HeaderTest(ImageTest):
    def assert_unsafe(self, data: bytes) -> None:
        self.write(self.where, 'bad', data)
        error = self.assertRaises(exception.UnsafeImage, self.header, 'bad')
        self.assertEqual(self.where.path_of('bad'), error.path)

    def test_plain(self) -> None:
        for compat in ('0.10', '1.1'):
            self.image('-o', f'compat={compat}')
            self.assertEqual(
                qcow2.Header(size=64 * _MIB, backing_file=None,
                             backing_format=None, data_file=False,
                             encrypted=False, snapshots=0),
                self.header())

    def test_more_features(self) -> None:
        for option in ('lazy_refcounts=on', 'extended_l2=on',
                       'cluster_size=512', 'cluster_size=2M',
                       'compression_type=zstd', 'refcount_bits=64',
                       'preallocation=metadata'):
            self.image('-o', option)
            self.assertEqual(64 * _MIB, self.header().size, option)

    def test_backing(self) -> None:
        for compat in ('0.10', '1.1'):
            for name in ('base', '/srv/d\u00e9j\u00e0 vu', 'x' * 1023,
                         'json:{"driver": "raw"}', 'nbd:localhost:10809'):
                self.image('-u', '-o', f'compat={compat}', '-b', name, '-F',
                           'raw')
                found = self.header()
                self.assertEqual((name, 'raw'),
                                 (found.backing_file, found.backing_format))

    def test_backing_without_a_format(self) -> None:
        for compat in ('0.10', '1.1'):
            self.image(name='base')
            path = self.image('-o', f'compat={compat}', '-b', 'base', '-F',
                              'qcow2')
            data = bytearray(self.read(self.where, 'disk'))
            # qemu-img leaves it out no more: call that extension otherwise.
            at = data.index(struct.pack('>I', 0xe2792aca))
            data[at:at + 4] = b'\x12\x34\x56\x78'
            self.write(self.where, 'disk', bytes(data))
            self.assertIn('"backing-filename": "base"', qemu_img(
                'info', '-f', 'qcow2', '--output=json', path))
            found = self.header()
            self.assertEqual(('base', None),
                             (found.backing_file, found.backing_format))

    def test_two_backing_formats(self) -> None:
        # QEMU believes the last one.
        self.image('-u', '-b', 'base', '-F', 'qcow2')
        data = self.read(self.where, 'disk')
        at = data.index(struct.pack('>I', 0xe2792aca))
        twice = (data[:at + 16] + struct.pack('>II', 0xe2792aca, 3)
                 + b'raw'.ljust(8, b'\0') + data[at + 16:])
        end = struct.unpack_from('>Q', twice, 8)[0]
        twice = twice[:8] + struct.pack('>Q', end + 16) + twice[16:]
        path = self.write(self.where, 'disk', twice)
        self.assertIn('"backing-filename-format": "raw"', qemu_img(
            'info', '-f', 'qcow2', '--output=json', path))
        self.assertEqual('raw', self.header().backing_format)

    def test_external_data_file(self) -> None:
        data = self.where.path_of('data')
        self.image('-o', f'data_file={data}')
        self.assertTrue(self.header().data_file)

    def test_encrypted(self) -> None:
        self.write(self.where, 'disk', zlib.decompress(base64.b64decode(
            _LUKS)))
        found = self.header()
        self.assertEqual((True, 64 * _MIB), (found.encrypted, found.size))
        data = self.read(self.where, 'disk')
        self.write(self.where, 'disk',  # AES, which QEMU makes no more
                   data[:32] + struct.pack('>I', 1) + data[36:])
        self.assertTrue(self.header().encrypted)

    def test_internal_snapshots(self) -> None:
        path = self.image()
        for count in (1, 2):
            qemu_img('snapshot', '-c', f's{count}', path)
            self.assertEqual(count, self.header().snapshots)

    def test_the_backing_file_is_not_opened(self) -> None:
        self.image(name='base')
        self.image('-b', 'base', '-F', 'qcow2')
        os.unlink(self.where.path_of('base'))
        os.mkfifo(self.where.path_of('base'))
        self.assertEqual('base', self.header().backing_file)

    def test_other_formats(self) -> None:
        for data in (b'', b'\0' * 4096, b'QFI\xfb', b'KDMV' * 100,
                     b'<xml/>' * 100):
            self.assert_unsafe(data)
        for version in (0, 1, 4, 1 << 31):
            self.image()
            data = self.read(self.where, 'disk')
            self.assert_unsafe(
                data[:4] + struct.pack('>I', version) + data[8:])

    def test_truncated(self) -> None:
        self.image('-u', '-b', 'x' * 40, '-F', 'qcow2')
        data = self.read(self.where, 'disk')
        end = data.index(b'x' * 40) + 40
        for length in range(end):
            self.assert_unsafe(data[:length])
        self.write(self.where, 'disk', data[:end])
        self.assertEqual('x' * 40, self.header().backing_file)

    def test_names_out_of_bounds(self) -> None:
        self.image('-u', '-b', 'base', '-F', 'qcow2')
        data = self.read(self.where, 'disk')
        for at, packed in (
                (8, struct.pack('>Q', 1 << 63)),
                (8, struct.pack('>Q', len(data))),
                (16, struct.pack('>I', 1024)),
                (16, struct.pack('>I', 0xffffffff))):
            self.assert_unsafe(data[:at] + packed + data[at + len(packed):])
        at = data.index(b'base')
        self.assert_unsafe(data[:at] + b'\xff\xfe\xff\xff' + data[at + 4:])

    def test_extensions_out_of_bounds(self) -> None:
        self.image('-u', '-b', 'base', '-F', 'qcow2')
        data = self.read(self.where, 'disk')
        at = data.index(struct.pack('>I', 0xe2792aca))
        for length in (1 << 20, 0xffffffff):
            self.assert_unsafe(
                data[:at + 4] + struct.pack('>I', length) + data[at + 8:])
        # The length of the header leads to the extensions.
        self.assert_unsafe(
            data[:100] + struct.pack('>I', 0xffffffff) + data[104:])

    def test_random_bytes(self) -> None:
        print('seed', _SEED)
        source = random.Random(_SEED)
        for _ in range(300):
            self.assert_unsafe(source.randbytes(source.randrange(2000)))

    def test_random_changes(self) -> None:
        """Anything may be found in a header; nothing else may be raised."""
        print('seed', _SEED)
        source = random.Random(_SEED)
        self.image('-u', '-b', 'base', '-F', 'qcow2')
        data = self.read(self.where, 'disk')[:1024]
        for _ in range(1000):
            changed = bytearray(data)
            for _ in range(source.randrange(1, 8)):
                changed[source.randrange(4, 600)] = source.randrange(256)
            self.write(self.where, 'bad', bytes(changed))
            try:
                self.header('bad')
            except exception.UnsafeImage:
                continue

    def test_not_a_safe_file(self) -> None:
        self.image()
        os.symlink('disk', self.where.path_of('link'))
        for name in ('link', 'none'):
            self.assertRaises(exception.UnsafeFile, self.header, name)


class OverlayTest(ImageTest):
    def setUp(self) -> None:
        super().setUp()
        self.images = qemuimg.Images(self.where, cfg.ConfigOpts())
        self.image(name='backing')

    def create(self, name: str = 'new', size: int = 64 * _MIB) -> None:
        self.images.create_overlay(name, 'backing', size)

    def test_header(self) -> None:
        self.create(size=65 * _MIB + 512)
        self.assertEqual(
            qcow2.Header(size=65 * _MIB + 512, backing_file='backing',
                         backing_format='qcow2', data_file=False,
                         encrypted=False, snapshots=0),
            self.header('new'))

    def test_file(self) -> None:
        self.set_umask(0)
        self.create()
        found = self.where.regular('new')
        self.assertEqual(0o100600, found.st_mode)
        self.assertEqual(
            (self.where.uid, self.where.gid, emptyqcow2.length(64 * _MIB)),
            (found.st_uid, found.st_gid, found.st_size))

    def test_under_a_strict_umask(self) -> None:
        self.set_umask(0o777)
        self.create()
        os.umask(0o022)
        self.assertEqual(0o100600, self.where.regular('new').st_mode)

    def test_in_a_directory_of_root(self) -> None:
        if not base.AS_ROOT:
            self.skipTest('only root works there')
        self.where = self.make_directory(owner=0)
        self.image(name='backing')
        self.images = qemuimg.Images(self.where, cfg.ConfigOpts())
        self.test_file()

    def test_clean(self) -> None:
        self.create()
        report = self.images.check(['new'])
        self.assertEqual(0, report['check-errors'])
        self.assertFalse(report.get('leaks') or report.get('corruptions'))
        qemu_img('check', '-q', '-f', 'qcow2', self.where.path_of('new'))

    def test_written_through(self) -> None:
        """It reads as its backing file, wherever the directory goes."""
        subprocess.run(
            ('qemu-io', '-f', 'qcow2', '-c', 'write -q -P 7 0 64k',
             self.where.path_of('backing')), check=True)
        self.create()
        os.rename(self.where.path, self.where.path + '.moved')
        found = subprocess.run(
            ('qemu-io', '-f', 'qcow2', '-c', 'read -q -P 7 0 64k',
             self.where.path + '.moved/new'), check=True,
            capture_output=True, text=True).stdout
        self.assertNotIn('failed', found)

    def test_the_backing_file_is_not_opened(self) -> None:
        path = self.where.path_of('backing')
        os.unlink(path)
        os.mkfifo(path)
        self.create()

    def test_nothing_is_replaced(self) -> None:
        self.write(self.where, 'new', b'another\'s')
        self.assertRaises(FileExistsError, self.create)
        self.assertEqual(b'another\'s', self.where.read('new', 100))

    def test_a_failure_leaves_nothing(self) -> None:
        self.assertRaises(ValueError, self.create, size=-1)
        self.assertEqual(['backing'], self.where.names())

    def test_no_space(self) -> None:
        failure = OSError(errno.ENOSPC, 'No space left on device')
        with mock.patch.object(os, 'pwrite', side_effect=failure):
            error = self.assertRaises(OSError, self.create)
        self.assertEqual(errno.ENOSPC, error.errno)
        self.assertEqual(['backing'], self.where.names())

    def test_hostile_names(self) -> None:
        for name in ('../x', '', '..', '/tmp/x'):
            self.assertRaises(exception.InvalidName, self.create, name)


class CommandTest(ImageTest):
    """Who runs qemu-img, and with what limits."""

    def setUp(self) -> None:
        super().setUp()
        self.image(name='backing')
        tools = self.useFixture(fixtures.TempDir()).path
        os.chmod(tools, 0o777)
        self.log = os.path.join(tools, 'log')
        path = os.path.join(tools, 'qemu-img')
        with open(path, 'w') as file:
            file.write(f'''#!/bin/sh
{{ id -u; id -g; ulimit -v; ulimit -t; ulimit -c; echo "$LC_ALL"; }} \\
    > {self.log}
echo "$@" >> {self.log}
exec {shutil.which("qemu-img")} "$@"
''')
        os.chmod(path, 0o755)
        self.useFixture(fixtures.EnvironmentVariable(
            'PATH', tools + os.pathsep + os.environ['PATH']))
        self.conf = cfg.ConfigOpts()

    def ran(self, where: directory.Directory) -> list[str]:
        """What the command saw."""
        images = qemuimg.Images(where, self.conf)
        images.create_overlay('new', 'backing', _MIB)
        images.check(['new', 'backing'])
        return self.seen()

    def seen(self) -> list[str]:
        with open(self.log) as file:
            return file.read().splitlines()

    def test_as_the_owner_of_the_directory(self) -> None:
        seen = self.ran(self.where)
        self.assertEqual(str(self.where.uid), seen[0])
        self.assertEqual(str(self.where.gid), seen[1])
        self.assertEqual('C', seen[5])

    def test_never_as_root(self) -> None:
        if not base.AS_ROOT:
            self.skipTest('only root could')
        self.where = where = self.make_directory(owner=0)
        self.image(name='backing')
        os.unlink(self.log)  # by ourselves until here
        self.assertEqual('65534', self.ran(where)[0])
        self.assertEqual((0, 0), (where.regular('new').st_uid,
                                  where.regular('new').st_gid))

    def test_every_format_is_named(self) -> None:
        self.assertIn('check -f qcow2', self.ran(self.where)[6])
        qemuimg.Images(self.where, self.conf).point_at('new', 'backing')
        self.assertIn('-f qcow2 -F qcow2 -b backing', self.seen()[6])

    def test_limits_for_what_a_guest_wrote(self) -> None:
        seen = self.ran(self.where)
        self.assertEqual(str(1024 << 10), seen[2])
        self.assertEqual('0', seen[4])

    def test_a_failure_is_told(self) -> None:
        self.write(self.where, 'bad', b'QFI\xfbnonsense')
        error = self.assertRaises(
            exception.ImageCommandFailed,
            qemuimg.Images(self.where, self.conf).check, 'bad')
        self.assertEqual('qemu-img check', error.command)
        self.assertIn('qemu-img:', error.stderr)
