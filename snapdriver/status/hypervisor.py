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

"""What libvirt says of itself, of QEMU and of how it confines QEMU."""

from collections.abc import Mapping
import contextlib
import dataclasses
from xml.etree import ElementTree as ET

import libvirt

from snapdriver import domain as domains
from snapdriver import exception

Version = tuple[int, int, int]


@dataclasses.dataclass(frozen=True, slots=True)
class Hypervisor:
    """One libvirt with its QEMU.

    :ivar qemu: None if libvirt has found no QEMU.
    :ivar models: its security models, as ``dac`` or ``apparmor``, and the
        labels that a QEMU gets in each.
    """

    libvirt: Version
    qemu: Version | None
    models: Mapping[str, tuple[str, ...]]
    uri: str = 'qemu:///system'


def ask(uri: str = 'qemu:///system') -> Hypervisor:
    """Ask libvirt, by a connection that could change nothing.

    :raises ConnectionFailed: it cannot be reached, or does not answer.
    """
    domains.silence()
    try:
        connection = libvirt.openReadOnly(uri)
        with contextlib.closing(connection):
            return Hypervisor(
                libvirt=_version(connection.getLibVersion()),
                qemu=_qemu(connection),
                models=models(connection.getCapabilities()),
                uri=connection.getURI())
    except libvirt.libvirtError as error:
        raise exception.ConnectionFailed(
            uri=uri, reason=error.get_error_message()) from error


def models(capabilities: str) -> dict[str, tuple[str, ...]]:
    """The security models in a host's capabilities, and their labels.

    One model may come twice, as the kinds of guest differ in their labels.
    """
    found: dict[str, tuple[str, ...]] = {}
    for element in ET.fromstring(capabilities).findall('./host/secmodel'):
        name = element.findtext('model', '')
        labels = tuple(label.text or '' for label
                       in element.findall('baselabel'))
        found[name] = found.get(name, ()) + labels
    return found


def text(version: Version) -> str:
    return '.'.join(map(str, version))


def _qemu(connection: libvirt.virConnect) -> Version | None:
    try:
        return _version(connection.getVersion())
    except libvirt.libvirtError:
        return None


def _version(number: int) -> Version:
    """libvirt's way to write one: 9000001 is 9.0.1."""
    return number // 1000000, number // 1000 % 1000, number % 1000
