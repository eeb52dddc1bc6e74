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

"""What counts as another machine, and what does not."""

import testtools

from snapdriver import guestview

_DOMAIN = """<domain type='qemu'{id}>
  <name>vm</name><memory unit='KiB'>98304</memory>
  <vcpu placement='static'{pin}>2</vcpu>{tune}
  <os><type arch='x86_64' machine='pc-i440fx-7.2'>hvm</type>
    <kernel>{kernel}</kernel></os>
  <features><acpi/>{features}</features>{cpu}
  <clock offset='utc'><timer name='hpet' present='no'/></clock>
  <devices>
    <emulator>/usr/bin/qemu{id}</emulator>
    <disk type='{disk}' device='disk'>
      <driver name='qemu' type='qcow2' cache='{cache}'{queues}/>
      <source file='{source}'/>{below}
      <target dev='vda' bus='{bus}'/>{alias}
      <address type='pci' domain='0x0000' bus='0x00' slot='{slot}'
        function='0x0'/>
    </disk>{more}
    <interface type='{net}'><mac address='{mac}'/>
      <source {net}='{source}'/><target dev='{tap}'/>
      <model type='virtio'/></interface>
    <serial type='{serial}'><source path='{source}'/>
      <target port='0'/></serial>
    <channel type='unix'><source mode='bind' path='{source}'/>
      <target type='virtio' name='agent'{state}/></channel>
    <graphics type='vnc' port='{port}'/>
    <memballoon model='none'/>
  </devices>
</domain>"""
_VALUES = {
    'id': '', 'pin': '', 'tune': '', 'kernel': '/k', 'features': '',
    'cpu': '', 'disk': 'file', 'cache': 'none', 'queues': '', 'source': '/a',
    'below': '', 'bus': 'virtio', 'alias': '', 'slot': '0x04', 'more': '',
    'net': 'bridge', 'mac': '52:54:00:00:00:01', 'tap': 'vnet0',
    'serial': 'pty', 'state': '', 'port': '-1'}
_CDROM = ("<disk type='file' device='cdrom'><target dev='hda' bus='ide'/>"
          "<readonly/></disk>")


def domain(**changes: str) -> str:
    return _DOMAIN.format(**(_VALUES | changes))


class GuestViewTest(testtools.TestCase):
    def differences(self, then: str, now: str) -> list[str]:
        return guestview.differences(then, None, now)

    def test_the_same(self) -> None:
        self.assertEqual([], self.differences(domain(), domain()))

    def test_the_host_may_change(self) -> None:
        then = domain(
            id=" id='3'", pin=" cpuset='1-2'", kernel='/other',
            tune="<cputune><shares>1</shares></cputune>", disk='block',
            cache='writeback', source='/b', net='network', tap='vnet7',
            below="<backingStore type='file'><source file='/c'/>"
            '</backingStore>', alias="<alias name='virtio-disk0'/>",
            serial='unix', state=" state='connected'", port='5900')
        self.assertEqual([], self.differences(then, domain()))

    def test_the_machine_may_not(self) -> None:
        for changes, expected in (
                ({'bus': 'sata'}, 'disk vda'), ({'slot': '0x05'}, 'disk vda'),
                ({'queues': " queues='4'"}, 'disk vda'),
                ({'features': '<pae/>'}, 'the features'),
                ({'more': _CDROM}, 'disk hda'),
                ({'more': _CDROM.replace('<readonly/>', '')}, 'disk hda'),
                ({'mac': '52:54:00:00:00:02'}, 'interface 52:54:00')):
            for then, now in ((domain(), domain(**changes)),
                              (domain(**changes), domain())):
                found = self.differences(then, now)
                self.assertIn(expected, ' '.join(found), changes)
        changed = domain().replace('98304', '131072').replace(
            '>2<', '>1<').replace('7.2', '9.0')
        self.assertEqual(
            ['the memory is 131072 unit=KiB and was 98304 unit=KiB',
             'vCPUs is 1 and was 2'],
            self.differences(domain(), changed)[:2])
        self.assertEqual(3, len(self.differences(domain(), changed)))

    def test_missing_and_new(self) -> None:
        self.assertEqual(['disk hda is missing'], self.differences(
            domain(more=_CDROM), domain()))
        self.assertEqual(['disk hda was not there'], self.differences(
            domain(), domain(more=_CDROM)))

    def test_cpu_is_compared_as_it_was_asked_for(self) -> None:
        host = domain(cpu="<cpu mode='host-model' check='partial'/>")
        came_to = domain(cpu="<cpu mode='custom'><model>Skylake</model></cpu>")
        self.assertEqual([], guestview.differences(came_to, host, host))
        found = guestview.differences(came_to, host, domain())
        self.assertEqual(
            ['the CPU is the default and was check=partial '
             'mode=host-model'], found)
