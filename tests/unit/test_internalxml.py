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

"""The XML of internal snapshots."""

import dataclasses

import testtools

from snapdriver import domainxml
from snapdriver import internalxml
from snapdriver import model
from tests.unit import samples

_DOMAIN = """<domain><name>vm</name><memory unit='MiB'>96</memory>
<os><type>hvm</type>{os}</os>{cpu}<devices>
<disk type='file' device='disk'><source file='/i/disk'/><target dev='vda'/>
</disk>
<disk type='network' device='disk'><source protocol='rbd'/>
<target dev='vdb'/></disk>
<disk type='file' device='cdrom'><target dev='hda'/><readonly/></disk>
<disk type='file' device='floppy'><target dev='fda'/></disk>
{channel}</devices></domain>"""


def domain(os: str = '', cpu: str = '', channel: str = '') -> str:
    return _DOMAIN.format(os=os, cpu=cpu, channel=channel)


class InternalXmlTest(testtools.TestCase):
    def test_new_snapshot(self) -> None:
        self.assertEqual(
            "<domainsnapshot><name>s1</name><description>&lt;x&gt;"
            '</description><memory snapshot="internal" /><disks>'
            '<disk name="vda" snapshot="internal" />'
            '<disk name="hda" snapshot="no" /></disks></domainsnapshot>',
            internalxml.new_snapshot('s1', '<x>', ['vda'], ['hda']))

    def test_known_snapshot(self) -> None:
        for state, memory in (('running', 'internal'), ('paused', 'internal'),
                              ('shutoff', 'no')):
            snapshot = dataclasses.replace(
                samples.snapshot(samples.S1, name='s1'), state=state,
                disks={'disk': model.Point(samples.A, 1, tag='s1')})
            xml = domainxml.known_snapshot(
                snapshot, None, {'vda': '/none'}, ['hda'], 'renamed',
                domain(), domain())
            self.assertIn(f'<memory snapshot="{memory}" />', xml)
            self.assertEqual(2, xml.count('<name>renamed</name>'))
            self.assertIn('<inactiveDomain>', xml)
            parsed = domainxml.parse_snapshot(xml)
            self.assertEqual((['vda'], {}, {}, state), (
                parsed.internal, parsed.overlays, parsed.frozen,
                parsed.state))

    def test_unfit_writable(self) -> None:
        self.assertEqual(['vdb'], internalxml.unfit_writable(
            domain(), ['vda']))
        self.assertEqual(['vda', 'vdb'], internalxml.unfit_writable(
            domain(), []))

    def test_has_variable_store(self) -> None:
        for firmware in ("<loader type='pflash'>/f</loader>",
                         '<nvram>/v</nvram>'):
            self.assertTrue(internalxml.has_variable_store(domain(firmware)))
        self.assertTrue(internalxml.has_variable_store(
            "<domain><os firmware='efi'/></domain>"))
        for firmware in ('', "<loader type='rom'>/f</loader>"):
            self.assertFalse(internalxml.has_variable_store(domain(firmware)))

    def test_memory_bytes(self) -> None:
        self.assertEqual(96 << 20, internalxml.memory_bytes(domain()))
        self.assertEqual(1024, internalxml.memory_bytes(
            '<domain><memory>1</memory></domain>'))
        self.assertRaises(ValueError, internalxml.memory_bytes, '<domain/>')

    def test_has_agent(self) -> None:
        channel = ("<channel><target type='virtio' name='{}'/></channel>")
        self.assertTrue(internalxml.has_agent(domain(
            channel=channel.format('org.qemu.guest_agent.0'))))
        self.assertFalse(internalxml.has_agent(domain(
            channel=channel.format('com.redhat.spice.0'))))

    def test_with_cpu_of(self) -> None:
        one, other = domain(cpu='<cpu mode="one"/>'), domain(
            cpu='<cpu mode="other"/>')
        changed = internalxml.with_cpu_of(one, other)
        self.assertIn('mode="other"', changed)
        self.assertEqual(1, changed.count('<cpu'))
        self.assertEqual(one, internalxml.with_cpu_of(one, domain()))
