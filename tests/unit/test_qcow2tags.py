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

"""Snapshot tables that QEMU really writes, and those that nobody should."""

import struct

from snapdriver import exception
from snapdriver import qcow2tags
from tests.unit import test_qcow2


class TagsTest(test_qcow2.ImageTest):
    def read(self, name: str = 'disk') -> list[qcow2tags.Tag]:
        return qcow2tags.read(self.where, name)

    def tag(self, *options: str) -> None:
        test_qcow2.qemu_img('snapshot', *options, self.where.path_of('disk'))

    def write(self, *commands: str) -> None:
        test_qcow2.subprocess.run(
            ('qemu-io', '-f', 'qcow2', *(
                word for command in commands for word in ('-c', command)),
             self.where.path_of('disk')), check=True, capture_output=True)

    def test_none(self) -> None:
        self.image()
        self.assertEqual([], self.read())

    def test_names_ids_and_sizes(self) -> None:
        for compat in ('0.10', '1.1'):
            self.image('-o', f'compat={compat}')
            for name in ('one', 'x' * 200, '3', 'déjà vu'):
                self.tag('-c', name)
            self.tag('-d', 'one')
            self.assertEqual(
                [('2', 'x' * 200), ('3', '3'), ('4', 'déjà vu')],
                [(tag.id, tag.name) for tag in self.read()])
            self.assertEqual({(0, 64 << 20)}, {
                (tag.memory, tag.size) for tag in self.read()})

    def test_unchanged_until_something_is_written(self) -> None:
        self.image()
        self.write('write -P 1 0 64k')
        self.tag('-c', 'one')

        def unchanged(name: str = 'one') -> bool:
            return qcow2tags.is_unchanged_since(self.where, 'disk', name)

        self.assertTrue(unchanged())
        self.assertFalse(unchanged('other'))
        self.tag('-c', 'two')
        self.assertTrue(unchanged() and unchanged('two'))
        self.write('write -P 1 0 64k')  # the same data
        self.assertFalse(unchanged() or unchanged('two'))
        self.tag('-a', 'one')
        self.assertTrue(unchanged())
        test_qcow2.qemu_img('resize', '-q', '-f', 'qcow2',
                            self.where.path_of('disk'), '128M')
        self.assertFalse(unchanged())
        self.tag('-c', 'one')  # which of both?
        self.assertFalse(unchanged())

    def test_tables_that_cannot_be(self) -> None:
        self.image()
        self.tag('-c', 'one')
        with open(self.where.path_of('disk'), 'rb') as file:
            good = file.read()
        table = struct.unpack_from('>Q', good, 64)[0]
        for offset, data in (
                (60, b'\xff\xff\xff\xff'),       # ever so many
                (64, b'\xff' * 8), (64, b'\x7f' + b'\xff' * 7),
                (table + 12, b'\xff\xff\xff\xff'),   # names that do not end
                (table + 36, b'\xff\xff\xff\xff'),
                (table + 56, b'\xff\xfe')):
            bad = bytearray(good)
            bad[offset:offset + len(data)] = data
            with open(self.where.path_of('disk'), 'wb') as file:
                file.write(bad)
            try:
                names = [tag.name for tag in self.read()]
            except exception.UnsafeImage as error:
                self.assertEqual(self.where.path_of('disk'), error.path)
            else:
                self.assertEqual(['one'], names)
