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


"""What a guest sees of its machine: is it the one that it was saved on?

Memory fits only the machine that it was saved on. What the guest cannot see
(where its disks lie, taps, ports, pins) may have changed since. Pure.
"""

from collections.abc import Iterator
from collections.abc import Mapping
import re
import xml.etree.ElementTree as ET

# The host's side of every device.
_HOST = frozenset((
    'alias', 'auth', 'backend', 'backenddomain', 'backingStore', 'bandwidth',
    'coalesce', 'encryption', 'filterref', 'guest', 'iotune', 'link', 'log',
    'mirror', 'port', 'protocol', 'reconnect', 'script', 'seclabel',
    'source', 'transient', 'shareable', 'virtualport', 'vlan'))
# Devices that are nothing but their host's side.
_UNSEEN = frozenset(('emulator', 'graphics', 'audio', 'console'))
# Of <driver> the guest sees the features of virtio, and no more.
_SEEN_OF_DRIVER = frozenset((
    'queues', 'queue_size', 'iommu', 'ats', 'packed', 'page_per_vq',
    'discard', 'host', 'iothread_vq_mapping'))
# Elements of a domain besides its devices, and what they are called.
_MACHINE = {
    'memory': 'memory', 'maxMemory': 'memory that can be plugged',
    'vcpu': 'vCPUs', 'os/type': 'machine type', 'features': 'features',
    'clock/timer': 'timers', 'pm': 'power management',
    'launchSecurity': 'launch security'}


def differences(then: str, definition_then: str | None,
                definition_now: str) -> list[str]:
    """What the guest would see otherwise; a phrase for each.

    :param then: the XML of the domain when its memory was saved.
    :param definition_then: its definition then, if it was kept.
    :param definition_now: what it would start with now.
    """
    before, now = ET.fromstring(then), ET.fromstring(definition_now)
    found = list(_compare(_machine(before), _machine(now)))
    if definition_then is not None:
        # That of a running domain tells what the CPU has come to.
        one = _cpu(ET.fromstring(definition_then))
        other = _cpu(now)
        if one != other:
            found.append(f'the CPU is {other} and was {one}')
    return found + list(_compare(_devices(before), _devices(now)))


def _compare(before: Mapping[str, str],
             now: Mapping[str, str]) -> Iterator[str]:
    for name in dict.fromkeys([*before, *now]):
        if name not in now:
            yield f'{name} is missing'
        elif name not in before:
            yield f'{name} was not there'
        elif before[name] != now[name]:
            yield f'{name} is {now[name]} and was {before[name]}'


def _machine(domain: ET.Element) -> dict[str, str]:
    found: dict[str, str] = {}
    for path, name in _MACHINE.items():
        texts = sorted(map(_text, domain.findall(path)))
        if texts:
            found[f'the {name}' if name != 'vCPUs' else name] = ' '.join(texts)
    return found


def _cpu(domain: ET.Element) -> str:
    cpu = domain.find('cpu')
    return 'the default' if cpu is None else _text(cpu)


def _devices(domain: ET.Element) -> dict[str, str]:
    found: dict[str, str] = {}
    for device in domain.findall('./devices/*'):
        if device.tag in _UNSEEN:
            continue
        name, count = _name(device), 1
        while name in found:
            count += 1
            name = f'{_name(device)} ({count})'
        found[name] = _text(device)
    return found


def _name(device: ET.Element) -> str:
    """What a person calls it; the same for the same device."""
    target, mac = device.find('target'), device.find('mac')
    if device.tag == 'interface' and mac is not None:
        return f'interface {(mac.get("address") or "").lower()}'
    if device.tag == 'controller':
        return f'{device.get("type")} controller {device.get("index")}'
    if target is not None:
        for attribute in ('dev', 'name', 'port', 'dir'):
            if target.get(attribute) and device.tag != 'interface':
                return f'{device.tag} {target.get(attribute)}'
    for attribute in ('model', 'type', 'bus'):
        if device.get(attribute):
            return f'{device.tag} {device.get(attribute)}'
    return device.tag


def _text(element: ET.Element, depth: int = 0) -> str:
    """One line of all that the guest sees of it, in one order."""
    text = (element.text or '').strip()
    parts = [text] if text else []
    parts += [f'{key}={value}' for key, value
              in sorted(element.attrib.items())
              if _is_seen(element.tag, key, depth)]
    parts += sorted(_child(child, depth + 1) for child in element
                    if child.tag not in _HOST)
    return re.sub(r'\s+', ' ', ' '.join(filter(None, parts)))


def _child(element: ET.Element, depth: int) -> str:
    text = _text(element, depth)
    if element.tag in ('driver', 'target') and not text:
        return ''
    return f'{element.tag}({text})' if text else element.tag


def _is_seen(tag: str, key: str, depth: int) -> bool:
    if tag == 'driver':
        return key in _SEEN_OF_DRIVER
    if tag == 'target':  # a tap has a name, a channel a state
        return key not in ('dev', 'state', 'managed', 'tray', 'removable')
    if key in ('tty', 'snapshot', 'placement', 'cpuset'):
        return False
    # Where a device's data come from: a file, a volume, a bridge.
    return not (depth == 0 and key == 'type' and tag in (
        'disk', 'interface', 'serial', 'channel', 'parallel'))
