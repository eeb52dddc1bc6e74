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


"""The XML that internal snapshots need, and what it tells about them. Pure.
"""

from collections.abc import Iterable
from collections.abc import Sequence
import xml.etree.ElementTree as ET

from snapdriver import domainxml

_UNITS = {'b': 1, 'bytes': 1, 'KB': 1000, 'k': 1024, 'KiB': 1024,
          'MB': 1000 ** 2, 'M': 1 << 20, 'MiB': 1 << 20, 'GB': 1000 ** 3,
          'G': 1 << 30, 'GiB': 1 << 30, 'TiB': 1 << 40}


def new_snapshot(name: str, description: str, targets: Iterable[str],
                 others: Iterable[str]) -> str:
    """For virDomainSnapshotCreateXML: memory and those disks.

    :param others: targets of disks that are read-only or empty.
    """
    root = ET.Element('domainsnapshot')
    ET.SubElement(root, 'name').text = name
    if description:
        ET.SubElement(root, 'description').text = description
    ET.SubElement(root, 'memory', snapshot='internal')
    domainxml.internal_disks(root, targets, others)
    return ET.tostring(root, encoding='unicode')


def unfit_writable(domain_xml: str, ours: Sequence[str]) -> list[str]:
    """Targets of disks that libvirt can neither take nor leave out.

    :param ours: targets of those that it can take.
    """
    return [target.get('dev') or ''
            for disk in ET.fromstring(domain_xml).findall('./devices/disk')
            for target in disk.findall('target')
            if target.get('dev') not in ours and disk.find('readonly') is None
            and disk.find('source') is not None]


def has_variable_store(domain_xml: str) -> bool:
    """Whether its firmware keeps variables in a file of its own (UEFI)."""
    os = ET.fromstring(domain_xml).find('os')
    if os is None:
        return False
    loader = os.find('loader')
    return (os.get('firmware') == 'efi' or os.find('nvram') is not None
            or (loader is not None and loader.get('type') == 'pflash'))


def memory_bytes(domain_xml: str) -> int:
    """What its memory can occupy at most in a snapshot.

    :raises ValueError, KeyError: it does not say.
    """
    memory = ET.fromstring(domain_xml).find('memory')
    if memory is None or memory.text is None:
        raise ValueError('the domain has no memory')
    return int(memory.text) * _UNITS[memory.get('unit') or 'KiB']


def has_agent(domain_xml: str) -> bool:
    """Whether it has a channel for a guest agent."""
    return any(target.get('name') == 'org.qemu.guest_agent.0' for target
               in ET.fromstring(domain_xml).findall(
                   './devices/channel/target'))


def with_cpu_of(domain_xml: str, other_xml: str) -> str:
    """The XML with the CPU, in full, that the guest had when it ran."""
    root = domainxml.parse(domain_xml)
    cpu = ET.fromstring(other_xml).find('cpu')
    old = root.find('cpu')
    if cpu is None:
        return domain_xml
    if old is not None:
        root.remove(old)
    root.append(cpu)
    return ET.tostring(root, encoding='unicode')
