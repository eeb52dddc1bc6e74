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

"""The XML of domains and of their snapshots. Pure: no libvirt, no files."""

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import io
import os
import re
import xml.etree.ElementTree as ET

from snapdriver import model
from snapdriver import naming


@dataclasses.dataclass(frozen=True, slots=True)
class DiskElement:
    """One ``<disk>`` of a domain.

    :ivar source: absolute path, if it is a file.
    :ivar backing: what libvirt lists below it: (path, format) pairs, the
        uppermost first. Only a live XML lists all.
    :ivar alias: QEMU's name for the device, in a live XML.
    """

    target: str
    type: str
    device: str
    format: str | None
    source: str | None
    readonly: bool
    shared: bool
    transient: bool
    backing: Sequence[tuple[str, str | None]] = ()
    has_backing: bool = False
    alias: str | None = None

    def unfit(self, directory: str) -> str | None:
        """Why it is not a disk of ours in that directory; None if it is."""
        if self.device not in ('disk', 'lun'):
            return f'it is a {self.device}'
        if self.readonly:
            return 'it is read-only'
        if self.type != 'file':
            return f'its source is of type {self.type}'
        if self.source is None:
            return 'it has no source'
        if os.path.dirname(self.source) != directory:
            return 'it lies outside the instance\'s directory'
        if self.shared:
            return 'it is shared between domains'
        if self.transient:
            return 'it is transient'
        if os.path.basename(self.source).endswith('.swap'):
            return 'it is a swap disk'
        if self.format != 'qcow2':
            return f'its format is {self.format}, not qcow2'
        return None


def parse(xml: str) -> ET.Element:
    """The root; the document's own namespace prefixes are written again.

    ElementTree would rename ``nova:`` and ``qemu:`` to ``ns0:``.
    """
    source = io.BytesIO(xml.encode())
    for _, (prefix, uri) in ET.iterparse(source, events=['start-ns']):
        if prefix and not re.fullmatch(r'ns\d+', prefix):
            ET.register_namespace(prefix, uri)
    return ET.fromstring(xml)


def is_domain(xml: str) -> bool:
    """Whether that is the whole XML of a domain."""
    try:
        return ET.fromstring(xml).tag == 'domain'
    except ET.ParseError:
        return False


def parse_disks(domain_xml: str) -> list[DiskElement]:
    """All disks of a domain, in order."""
    return _disks_of(ET.fromstring(domain_xml))


def _disks_of(domain: ET.Element) -> list[DiskElement]:
    return [_disk(element) for element
            in domain.findall('./devices/disk')]


def _disk(element: ET.Element) -> DiskElement:
    driver, source = element.find('driver'), element.find('source')
    alias, target = element.find('alias'), element.find('target')
    backing = []
    below = element.find('backingStore')
    has_backing = below is not None
    while below is not None and below.find('source') is not None:
        origin, kind = below.find('source'), below.find('format')
        backing.append((
            '' if origin is None else origin.get('file') or '',
            None if kind is None else kind.get('type')))
        below = below.find('backingStore')
    return DiskElement(
        target='' if target is None else target.get('dev') or '',
        type=element.get('type') or 'file',
        device=element.get('device') or 'disk',
        format=None if driver is None else driver.get('type'),
        source=None if source is None else source.get('file'),
        readonly=element.find('readonly') is not None,
        shared=element.find('shareable') is not None,
        transient=element.find('transient') is not None,
        backing=tuple(backing), has_backing=has_backing,
        alias=None if alias is None else alias.get('name'))


def ready_mirrors(domain_xml: str) -> set[str]:
    """Targets of the disks whose active commit waits to pivot."""
    return {target.get('dev') or ''
            for disk in ET.fromstring(domain_xml).findall('./devices/disk')
            for target in disk.findall('target')
            if disk.find('mirror[@ready="yes"]') is not None}


def with_sources(domain_xml: str, sources: Mapping[str, str]) -> str:
    """The XML with new files for disks, and without any ``<backingStore>``.

    QEMU follows a ``<backingStore>`` and not the image's header, and
    copy-on-write makes that permanent: a domain is never defined with one.

    :param sources: path now to path then.
    """
    root = parse(domain_xml)
    for element in root.findall('./devices/disk'):
        source = element.find('source')
        if source is not None and source.get('file') in sources:
            source.set('file', sources[source.get('file') or ''])
            source.attrib.pop('index', None)
        for below in element.findall('backingStore'):
            element.remove(below)
    return ET.tostring(root, encoding='unicode')


def new_snapshot(name: str, description: str, overlays: Mapping[str, str],
                 others: Sequence[str]) -> str:
    """For virDomainSnapshotCreateXML: an external snapshot.

    Every disk is named: libvirt's default names collide, and a disk that is
    not mentioned would be snapshotted too.

    :param overlays: target to path of the overlay, which exists.
    :param others: targets that are left alone.
    """
    root = ET.Element('domainsnapshot')
    ET.SubElement(root, 'name').text = name
    if description:
        ET.SubElement(root, 'description').text = description
    _disks(root, overlays, others)
    return ET.tostring(root, encoding='unicode')


def known_snapshot(snapshot: model.Snapshot, parent: str | None,
                   overlays: Mapping[str, str], others: Sequence[str],
                   domain_name: str, domain_xml: str,
                   inactive_xml: str | None = None) -> str:
    """For REDEFINE: a snapshot that exists, as libvirt describes it.

    :param parent: the parent's name.
    :param overlays: target to path, which an internal one has no use for.
    :param domain_xml: the domain as it was at that moment.
    :param inactive_xml: its definition, if that is another.
    """
    internal = is_internal(snapshot)
    root = ET.Element('domainsnapshot')
    ET.SubElement(root, 'name').text = snapshot.name
    if snapshot.description:
        ET.SubElement(root, 'description').text = snapshot.description
    ET.SubElement(root, 'state').text = snapshot.state
    if parent is not None:
        ET.SubElement(ET.SubElement(root, 'parent'), 'name').text = parent
    ET.SubElement(root, 'creationTime').text = str(int(snapshot.frozen_at))
    ET.SubElement(root, 'memory', snapshot='internal' if internal
                  and snapshot.state != 'shutoff' else 'no')
    if internal:
        internal_disks(root, overlays, others)
    else:
        _disks(root, overlays, others)
    for tag, xml in (('domain', domain_xml), ('inactiveDomain', inactive_xml)):
        if xml is None:
            continue
        domain = parse(xml)
        domain.tag = tag
        domain.attrib.pop('id', None)
        name = domain.find('name')
        if name is not None:
            name.text = domain_name  # virDomainRename may have come between
        root.append(domain)
    return ET.tostring(root, encoding='unicode')


def is_internal(snapshot: model.Snapshot) -> bool:
    """Whether it points at tags, as libvirt's internal ones do."""
    return any(point.tag is not None for point in snapshot.disks.values())


@dataclasses.dataclass(frozen=True, slots=True)
class SnapshotElement:
    """A ``<domainsnapshot>`` as libvirt lists it.

    :ivar frozen: target to the file that the domain had at that moment.
    :ivar overlays: target to the file that was put on top.
    :ivar internal: targets that have a tag inside their image.
    :ivar xml: all of it; holds secrets.
    """

    name: str
    description: str
    state: str
    parent: str | None
    created: float
    frozen: Mapping[str, str]
    overlays: Mapping[str, str]
    internal: Sequence[str]
    xml: str

    @property
    def domain_xml(self) -> str:
        """The domain as it was."""
        return self._part('domain') or ''

    @property
    def definition(self) -> str | None:
        """Its definition then, if it ran."""
        found = self._part('inactiveDomain')
        return found and re.sub(r'inactiveDomain(?=[ >])', 'domain', found)

    @property
    def tagged(self) -> Mapping[str, str]:
        """Target to the file that got a tag."""
        return {disk.target: disk.source
                for disk in parse_disks(self.domain_xml)
                if disk.source and disk.target in self.internal}

    def _part(self, name: str) -> str | None:
        found = parse(self.xml).find(name)
        return None if found is None else ET.tostring(
            found, encoding='unicode')


def parse_snapshot(xml: str) -> SnapshotElement:
    root = ET.fromstring(xml)
    domain = root.find('domain')
    if domain is None:
        domain = ET.Element('domain')
    overlays: dict[str, str] = {}
    for disk in root.findall('./disks/disk'):
        source = disk.find('source')
        file = None if source is None else source.get('file')
        if disk.get('snapshot') == 'external' and file:
            overlays[disk.get('name') or ''] = file
    return SnapshotElement(
        name=root.findtext('name') or '',
        description=root.findtext('description') or '',
        state=root.findtext('state') or '',
        parent=root.findtext('parent/name'),
        created=float(root.findtext('creationTime') or 0),
        frozen={disk.target: disk.source for disk in _disks_of(domain)
                if disk.source and disk.target in overlays},
        overlays=overlays, xml=xml,
        internal=[disk.get('name') or ''
                  for disk in root.findall('./disks/disk[@snapshot]')
                  if disk.get('snapshot') == 'internal'])


def _disks(root: ET.Element, overlays: Mapping[str, str],
           others: Sequence[str]) -> None:
    disks = ET.SubElement(root, 'disks')
    for target, path in overlays.items():
        disk = ET.SubElement(disks, 'disk', name=target, snapshot='external',
                             type='file')
        ET.SubElement(disk, 'driver', type='qcow2')
        ET.SubElement(disk, 'source', file=path)
    for target in others:
        ET.SubElement(disks, 'disk', name=target, snapshot='no')


def internal_disks(root: ET.Element, targets: Iterable[str],
                   others: Iterable[str]) -> None:
    """The ``<disks>`` of an internal snapshot."""
    disks = ET.SubElement(root, 'disks')
    for target in targets:
        ET.SubElement(disks, 'disk', name=target, snapshot='internal')
    for target in others:
        ET.SubElement(disks, 'disk', name=target, snapshot='no')


def disk_name(source: str, layer_disks: Mapping[str, str]) -> str:
    """The name by which Nova knows the disk of that source file.

    :param layer_disks: file name of each layer to its disk's name.
    """
    base = os.path.basename(source)
    return layer_disks.get(base, naming.check_file_name(base))
