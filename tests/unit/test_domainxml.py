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

"""The XML that libvirt gives, and the XML that it is given."""

import dataclasses
import itertools
import xml.etree.ElementTree as ET

import testtools

from snapdriver import domainxml
from snapdriver import exception
from tests.unit import samples

_DIR = '/instances/uuid'
_NOVA = 'http://openstack.org/xmlns/libvirt/nova/1.1'
_QEMU = 'http://libvirt.org/schemas/domain/qemu/1.0'

_LIVE = f'''<domain type='kvm' id='5' xmlns:qemu='{_QEMU}'>
  <name>web</name>
  <uuid>{samples.UUID}</uuid>
  <metadata>
    <nova:instance xmlns:nova='{_NOVA}'>
      <nova:name>d\u00e9j\u00e0 &lt;vu&gt;</nova:name>
    </nova:instance>
  </metadata>
  <devices>
    <disk type='file' device='disk'>
      <driver name='qemu' type='qcow2' cache='none'/>
      <source file='{_DIR}/disk.layer-bbbbbbbb' index='3'/>
      <backingStore type='file' index='2'>
        <format type='qcow2'/>
        <source file='{_DIR}/disk'/>
        <backingStore type='file' index='1'>
          <format type='raw'/>
          <source file='/srv/_base/0123'/>
          <backingStore/>
        </backingStore>
      </backingStore>
      <target dev='vda' bus='virtio'/>
      <alias name='virtio-disk0'/>
    </disk>
    <disk type='file' device='cdrom'>
      <target dev='sda' bus='sata'/>
      <readonly/>
    </disk>
    <disk type='network' device='disk'>
      <driver type='raw'/>
      <source protocol='rbd' name='volumes/x'><host name='ceph'/></source>
      <target dev='vdb'/>
    </disk>
    <disk type='file' device='disk'>
      <driver type='qcow2'/>
      <source file='{_DIR}/disk.eph0'/>
      <target dev='vdc'/>
    </disk>
    <interface type='bridge'><backingStore/></interface>
  </devices>
  <qemu:commandline><qemu:arg value='-x'/></qemu:commandline>
</domain>'''

_OURS = domainxml.DiskElement(
    target='vda', type='file', device='disk', format='qcow2',
    source=f'{_DIR}/disk', readonly=False, shared=False, transient=False)


def _wrapped(disk: str) -> str:
    return f'<domain><devices>{disk}</devices></domain>'


class ParseTest(testtools.TestCase):
    def test_all_disks_in_order(self) -> None:
        found = domainxml.parse_disks(_LIVE)
        self.assertEqual(['vda', 'sda', 'vdb', 'vdc'],
                         [disk.target for disk in found])

    def test_a_live_disk(self) -> None:
        disk = domainxml.parse_disks(_LIVE)[0]
        self.assertEqual(
            domainxml.DiskElement(
                target='vda', type='file', device='disk', format='qcow2',
                source=f'{_DIR}/disk.layer-bbbbbbbb', readonly=False,
                shared=False, transient=False,
                backing=((f'{_DIR}/disk', 'qcow2'),
                         ('/srv/_base/0123', 'raw')),
                has_backing=True, alias='virtio-disk0'), disk)

    def test_an_inactive_disk(self) -> None:
        disk = domainxml.parse_disks(_LIVE)[3]
        self.assertEqual(((), False, None),
                         (disk.backing, disk.has_backing, disk.alias))

    def test_an_empty_backing_store_is_one(self) -> None:
        # It stops libvirt from looking for a backing file.
        found, = domainxml.parse_disks(_wrapped(
            '<disk><backingStore/></disk>'))
        self.assertEqual(((), True), (found.backing, found.has_backing))

    def test_flags(self) -> None:
        for names in itertools.product(
                ('', 'readonly'), ('', 'shareable'), ('', 'transient')):
            found, = domainxml.parse_disks(_wrapped('<disk>%s</disk>' % (
                ''.join(f'<{name}/>' for name in names if name))))
            self.assertEqual(
                tuple(bool(name) for name in names),
                (found.readonly, found.shared, found.transient))

    def test_what_may_be_missing(self) -> None:
        found, = domainxml.parse_disks(_wrapped('<disk/>'))
        self.assertEqual(
            domainxml.DiskElement(
                target='', type='file', device='disk', format=None,
                source=None, readonly=False, shared=False, transient=False),
            found)
        self.assertEqual([], domainxml.parse_disks('<domain/>'))


class UnfitTest(testtools.TestCase):
    def assert_unfit(self, reason: str, **changes: object) -> None:
        disk = dataclasses.replace(_OURS, **changes)  # type: ignore
        self.assertIn(reason, disk.unfit(_DIR) or '')

    def test_ours(self) -> None:
        self.assertIsNone(_OURS.unfit(_DIR))
        for changes in ({'source': f'{_DIR}/disk.layer-0a1b2c3d'},
                        {'device': 'lun'}, {'source': f'{_DIR}/swap'}):
            self.assertIsNone(
                dataclasses.replace(_OURS, **changes).unfit(_DIR))

    def test_devices(self) -> None:
        for device in ('cdrom', 'floppy'):
            self.assert_unfit(device, device=device)

    def test_kinds_of_source(self) -> None:
        for kind in ('block', 'network', 'dir', 'volume', 'nvme',
                     'vhostuser', 'vhostvdpa'):
            self.assert_unfit(kind, type=kind)
        self.assert_unfit('no source', source=None)

    def test_places(self) -> None:
        for path in ('/instances/other/disk', f'{_DIR}/sub/disk',
                     f'{_DIR}/../uuid2/disk', f'{_DIR}/sub/../disk', 'disk',
                     '/instances/uuid', f'{_DIR}2/disk', '/disk'):
            self.assert_unfit('outside', source=path)

    def test_flags(self) -> None:
        self.assert_unfit('read-only', readonly=True)
        self.assert_unfit('shared', shared=True)
        self.assert_unfit('transient', transient=True)

    def test_formats(self) -> None:
        for kind in ('raw', 'luks', 'vmdk', None):
            self.assert_unfit(str(kind), format=kind)

    def test_swap(self) -> None:
        self.assert_unfit('swap', source=f'{_DIR}/disk.swap')


class WithSourcesTest(testtools.TestCase):
    def test_new_files(self) -> None:
        changed = domainxml.with_sources(_LIVE, {
            f'{_DIR}/disk.layer-bbbbbbbb': f'{_DIR}/<new> & "old"',
            f'{_DIR}/gone': f'{_DIR}/x'})
        disks = domainxml.parse_disks(changed)
        self.assertEqual(
            [f'{_DIR}/<new> & "old"', None, None, f'{_DIR}/disk.eph0'],
            [disk.source for disk in disks])
        self.assertNotIn('index', changed)

    def test_no_backing_store_at_any_depth(self) -> None:
        for sources in ({}, {f'{_DIR}/disk.layer-bbbbbbbb': '/x'}):
            changed = domainxml.with_sources(_LIVE, sources)
            for disk in domainxml.parse_disks(changed):
                self.assertFalse(disk.has_backing)
            self.assertEqual([], ET.fromstring(changed).findall(
                './/disk//backingStore'))
            self.assertNotIn('_base', changed)

    def test_more_than_one_backing_store(self) -> None:
        self.assertNotIn('backingStore', domainxml.with_sources(_wrapped(
            '<disk><backingStore/><source file="/a"/><backingStore>'
            '<backingStore/></backingStore></disk>'), {}))

    def test_two_files_change_places(self) -> None:
        xml = _wrapped(''.join(
            f'<disk><source file="/{name}"/></disk>' for name in 'ab'))
        self.assertEqual(
            ['/b', '/a'], [disk.source for disk in domainxml.parse_disks(
                domainxml.with_sources(xml, {'/a': '/b', '/b': '/a'}))])

    def test_all_else_is_kept(self) -> None:
        root = ET.fromstring(domainxml.with_sources(_LIVE, {}))
        self.assertEqual('d\u00e9j\u00e0 <vu>', root.findtext(
            f'./metadata/{{{_NOVA}}}instance/{{{_NOVA}}}name'))
        self.assertIsNotNone(root.find(
            f'./{{{_QEMU}}}commandline/{{{_QEMU}}}arg'))
        before = ET.fromstring(_LIVE)
        for one in before.iter('disk'):
            for below in one.findall('backingStore'):
                one.remove(below)
        self.assertEqual([each.tag for each in before.iter()],
                         [each.tag for each in root.iter()])
        self.assertEqual({'type': 'kvm', 'id': '5'}, root.attrib)


class NewSnapshotTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.root = ET.fromstring(domainxml.new_snapshot(
            'name', 'a <b> & "c"\n', {'vda': f'{_DIR}/disk.layer-<1>',
                                      'vdb': f'{_DIR}/x'}, ['sda', 'vdc']))

    def test_text(self) -> None:
        self.assertEqual('domainsnapshot', self.root.tag)
        self.assertEqual('name', self.root.findtext('name'))
        self.assertEqual('a <b> & "c"\n', self.root.findtext('description'))

    def test_every_disk_is_named(self) -> None:
        self.assertEqual(
            [('vda', 'external', 'file'), ('vdb', 'external', 'file'),
             ('sda', 'no', None), ('vdc', 'no', None)],
            [(disk.get('name'), disk.get('snapshot'), disk.get('type'))
             for disk in self.root.findall('./disks/disk')])

    def test_every_overlay_is_named_with_its_format(self) -> None:
        self.assertEqual(
            [('qcow2', f'{_DIR}/disk.layer-<1>'), ('qcow2', f'{_DIR}/x')],
            [(disk.find('driver').get('type'),  # type: ignore
              disk.find('source').get('file'))  # type: ignore
             for disk in self.root.findall('./disks/disk')[:2]])

    def test_no_description(self) -> None:
        root = ET.fromstring(domainxml.new_snapshot('name', '', {}, []))
        self.assertIsNone(root.find('description'))


class KnownSnapshotTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.snapshot = dataclasses.replace(
            samples.snapshot(samples.S1, name='one', disk=samples.A),
            state='shutoff', description='<what>', frozen_at=1700000001.9)

    def root(self, parent: str | None = None) -> ET.Element:
        return ET.fromstring(domainxml.known_snapshot(
            self.snapshot, parent, {'vda': '/over'}, ['sda'], 'renamed',
            _LIVE))

    def test_text(self) -> None:
        root = self.root()
        self.assertEqual(
            ['one', '<what>', 'shutoff', '1700000001'],
            [root.findtext(tag) for tag in
             ('name', 'description', 'state', 'creationTime')])
        self.assertEqual('no', root.find('memory').get('snapshot'))

    def test_parent(self) -> None:
        self.assertIsNone(self.root().find('parent'))
        self.assertEqual('p', self.root('p').findtext('parent/name'))

    def test_disks(self) -> None:
        self.assertEqual(
            [('vda', 'external'), ('sda', 'no')],
            [(disk.get('name'), disk.get('snapshot'))
             for disk in self.root().findall('./disks/disk')])

    def test_domain(self) -> None:
        # A REDEFINE wants it inactive and of the domain's present name.
        domain = self.root().find('domain')
        self.assertIsNone(domain.get('id'))
        self.assertEqual('renamed', domain.findtext('name'))
        self.assertEqual(samples.UUID, domain.findtext('uuid'))
        self.assertEqual(4, len(domain.findall('./devices/disk')))


class DiskNameTest(testtools.TestCase):
    def test_of_a_layer(self) -> None:
        names = {'disk.layer-0a1b2c3d': 'disk'}
        self.assertEqual('disk', domainxml.disk_name(
            f'{_DIR}/disk.layer-0a1b2c3d', names))
        self.assertEqual('disk', domainxml.disk_name(f'{_DIR}/disk', names))

    def test_of_no_file(self) -> None:
        for source in ('', '/', '/x/', '/x/..'):
            self.assertRaises(exception.InvalidName, domainxml.disk_name,
                              source, {})
