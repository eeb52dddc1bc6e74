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

"""Names that are allowed, and those that lead somewhere else."""

import string
import xml.etree.ElementTree as ET

import hypothesis
from hypothesis import strategies
import testtools

from snapdriver import exception
from snapdriver import naming

_HOSTILE = ('', '.', '..', '../x', 'a/b', '/etc/passwd', '-rf', '_x', '.x',
            'a b', 'a\n', '\na', 'a\0', 'a\tb', '<name/>', 'a&b', 'a"b',
            "a'b", 'a;b', 'a$b', 'a%b', 'a*', 'a\\b', 'na\u00efve', '\u0661',
            'a\u200b', '\U0001f600', '\ud800', 'x' * 64, 'x' * 300)
_FILES = strategies.text(
    strategies.characters(exclude_characters='/\0'), min_size=1,
    max_size=40).filter(lambda name: name not in ('.', '..'))


class SnapshotNameTest(testtools.TestCase):
    def test_good_names(self) -> None:
        for name in ('a', '0', 'A.b_c-d', '1700000000', 'x' * 63, 'a..b',
                     'ephemeral', 'swap', 'snap_1', 'a-'):
            self.assertEqual(name, naming.check_snapshot_name(name))

    def test_hostile_names(self) -> None:
        for name in _HOSTILE:
            with testtools.ExpectedException(exception.InvalidName):
                naming.check_snapshot_name(name)

    def test_a_refusal_does_not_repeat_a_long_name(self) -> None:
        error = self.assertRaises(exception.InvalidName,
                                  naming.check_snapshot_name, 'x' * 100000)
        self.assertLess(len(str(error)), 300)

    @hypothesis.given(strategies.text(max_size=70))
    def test_what_is_allowed_is_plain(self, name: str) -> None:
        try:
            naming.check_snapshot_name(name)
        except exception.InvalidName:
            return
        self.assertLessEqual(
            set(name), set(string.ascii_letters + string.digits + '._-'))
        self.assertTrue(0 < len(name) < 64 and name[0] not in '._-')

    def test_the_default_is_the_time(self) -> None:
        self.assertEqual('1700000000',
                         naming.default_snapshot_name(1700000000.9))
        self.assertEqual('0', naming.default_snapshot_name(0.0))
        naming.check_snapshot_name(naming.default_snapshot_name())


class PropertyTest(testtools.TestCase):
    def test_good_properties(self) -> None:
        for key, value in (('a', ''), ('a:b.c_d-e', 'x' * 255),
                           ('x' * 255, 'd\u00e9j\u00e0 \U0001f600 <&>\t\n')):
            naming.check_property(key, value)

    def test_hostile_keys(self) -> None:
        for key in ('', ':a', 'a=b', 'a b', 'a\n', '<a>', 'x' * 256, '\u00e9'):
            with testtools.ExpectedException(exception.InvalidName):
                naming.check_property(key, '')

    def test_hostile_values(self) -> None:
        for value in ('x' * 256, 'a\0', '\r', '\x1b[2J', '\ufffe', '\ud800'):
            with testtools.ExpectedException(exception.InvalidName):
                naming.check_property('key', value)

    @hypothesis.given(strategies.text(
        strategies.characters(exclude_categories=()), max_size=20))
    def test_xml_carries_all_text_that_is_allowed(self, text: str) -> None:
        try:
            naming.check_text('text', text, 20)
        except exception.InvalidName:
            return
        element = ET.Element('description')
        element.text = text
        self.assertEqual(
            text, ET.fromstring(ET.tostring(element)).text or '')

    def test_text_has_a_length(self) -> None:
        naming.check_text('text', 'x' * 10, 10)
        self.assertRaises(exception.InvalidName,
                          naming.check_text, 'text', 'x' * 11, 10)


class FileNameTest(testtools.TestCase):
    def test_good_names(self) -> None:
        for name in ('disk', '...', '.hidden', 'a b', 'a\nb', '\u00e9' * 127,
                     'x' * 255, '<disk>'):
            self.assertEqual(name, naming.check_file_name(name))

    def test_hostile_names(self) -> None:
        for name in ('', '.', '..', '/', 'a/b', '../x', '/etc/passwd',
                     'a\0', 'x' * 256, '\u00e9' * 128, '\ud800' * 90):
            with testtools.ExpectedException(exception.InvalidName):
                naming.check_file_name(name)

    def test_foreign_files_are_named(self) -> None:
        error = naming.not_ours('disk.config')
        self.assertEqual('disk.config', error.name)
        self.assertIn('disk.config', str(error))


class LayerFileTest(testtools.TestCase):
    def test_never_ends_as_a_name_that_nova_gives_a_meaning(self) -> None:
        # disk_<digits>: nova.virt.libvirt.imagecache takes it for a size.
        for identity in ('12345678', '00000000', 'deadbeef'):
            name = naming.layer_file('disk', identity)
            self.assertEqual(f'disk.layer-{identity}', name)
            self.assertNotRegex(name, r'_\d+$')
            self.assertNotRegex(name, '^(ephemeral|swap)')

    def test_a_new_id_makes_a_layer_name(self) -> None:
        found = {naming.new_layer_id() for _ in range(100)}
        self.assertEqual(100, len(found))
        for identity in found:
            self.assertTrue(
                naming.is_layer_file(naming.layer_file('disk', identity)))

    def test_snapshot_ids_differ(self) -> None:
        self.assertNotEqual(naming.new_snapshot_id(),
                            naming.new_snapshot_id())

    def test_foreign_files_are_no_layers(self) -> None:
        for name in ('disk', 'disk.config', 'disk.info', 'disk.eph0',
                     '.layer-00000000', 'disk.layer-0000000',
                     'disk.layer-000000000', 'disk.layer-0000000G',
                     'disk.layer-ABCDEF00', 'disk.layer-00000000.bak',
                     'disk.layer-00000000\n', 'disk-layer-00000000',
                     'disk.layer-settled'):
            self.assertFalse(naming.is_layer_file(name), name)

    def test_the_link_of_settle_is_ours(self) -> None:
        self.assertTrue(naming.is_layer_file('disk' + naming.SETTLE_SUFFIX))

    @hypothesis.given(_FILES)
    @hypothesis.example('a\nb')
    def test_every_disk_has_layers_that_are_ours(self, disk: str) -> None:
        name = naming.layer_file(disk, naming.new_layer_id())
        self.assertTrue(naming.is_layer_file(name))
        self.assertFalse(naming.is_disk_name(name))


class DiskNameTest(testtools.TestCase):
    def test_disks(self) -> None:
        for name in ('disk', 'disk.eph0', 'disk.local', 'root.qcow2', 'swap'):
            self.assertTrue(naming.is_disk_name(name), name)

    def test_not_disks_of_ours(self) -> None:
        for name in ('disk.swap', 'disk.layer-00000000',
                     'disk.eph0.layer-deadbeef', 'disk.layer-settle'):
            self.assertFalse(naming.is_disk_name(name), name)
