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

"""A guest's definition, as Nova writes it."""

from collections.abc import Sequence
from xml.sax import saxutils

from tests.functional import disks
from tests.functional import host

_DOMAIN = """\
<domain type='qemu'>
  <uuid>{uuid}</uuid>
  <name>{name}</name>
  <memory unit='MiB'>{memory}</memory>
  <vcpu>1</vcpu>
  {metadata}
  <os>
    <type arch='x86_64' machine='pc'>hvm</type>
    <kernel>{guest}/vmlinuz</kernel>
    <initrd>{guest}/{initrd}</initrd>
    <cmdline>{command_line}</cmdline>
  </os>
  <features><acpi/><apic/></features>
  <clock offset='utc'/>
  <devices>
    {disks}
    <controller type='usb' model='none'/>
    <memballoon model='none'/>
    <serial type='unix'>
      <source mode='connect' path={console}/>
      <target port='0'/>
    </serial>
    {agent}
  </devices>
</domain>
"""

_METADATA = """\
<metadata>
    <nova:instance xmlns:nova='http://openstack.org/xmlns/libvirt/nova/1.1'>
      <nova:name>{name}</nova:name>
    </nova:instance>
  </metadata>"""

_DISK = """\
<disk type='file' device='{device}'>
      <driver name='qemu' type='{format}' cache='none'/>
      <source file={path}/>
      <target dev='{target}' bus='{bus}'/>
      {readonly}
    </disk>"""

_AGENT = """\
<channel type='unix'>
      <source mode='bind'/>
      <target type='virtio' name='org.qemu.guest_agent.0'/>
    </channel>"""


def domain(
    *,
    name: str,
    uuid: str,
    memory: int,
    own_disks: Sequence[disks.Disk],
    console: str,
    agent: bool,
    nova_metadata: bool,
    tick_ms: int,
) -> str:
    """Write a definition; it has no <backingStore>, as Nova's has none."""
    writable = [disk for disk in own_disks if not disk.cdrom]
    return _DOMAIN.format(
        uuid=uuid,
        name=name,
        memory=memory,
        metadata=_METADATA.format(name=name) if nova_metadata else '',
        guest=host.GUEST,
        initrd='initrd-agent' if agent else 'initrd',
        command_line=' '.join(
            (
                'console=ttyS0 quiet no_timer_check',
                'disks=' + ','.join(disk.target for disk in writable),
                'ticks='
                + ','.join(disk.target for disk in writable if disk.ticks),
                f'tickms={tick_ms}',
            )
        ),
        disks='\n    '.join(map(_disk, own_disks)),
        console=saxutils.quoteattr(console),
        agent=_AGENT if agent else '',
    )


def _disk(disk: disks.Disk) -> str:
    return _DISK.format(
        device='cdrom' if disk.cdrom else 'disk',
        format=disk.format,
        path=saxutils.quoteattr(str(disk.path)),
        target=disk.target,
        bus='ide' if disk.cdrom else 'virtio',
        readonly='<readonly/>' if disk.cdrom else '',
    )
