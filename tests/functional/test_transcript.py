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

"""What people do by virsh and qemu-img, as their notes have it.

First a snapshot by ``virsh snapshot-create``, which is internal and has the
memory, then one by ``virsh snapshot-create-as --disk-only``, on top of it.
"""

import re
import time

from tests.functional import engine
from tests.functional import guest as guests
from tests.functional import host


class TranscriptTest(engine.EngineTest):

    def prepare(self) -> guests.Guest:
        guest = guests.Guest(self).define().start()
        guest.mark('one')
        return guest

    def listed(self, guest: guests.Guest) -> list[tuple[str, str]]:
        """Name and state, as ``virsh snapshot-list`` shows them."""
        return sorted((row[0], row[-1]) for row in map(
            str.split, engine.virsh('snapshot-list',
                                    guest.name).splitlines()) if row)

    def current(self, guest: guests.Guest) -> str:
        return engine.virsh('snapshot-current', guest.name, '--name').strip()

    def tags(self, guest: guests.Guest, file: str) -> list[str]:
        """The tags that ``qemu-img info`` lists."""
        shown = host.as_root('qemu-img', 'info', '-U', '-f', 'qcow2',
                             guest.directory / file).stdout
        return re.findall(r'^\d+ +(\S+) +\d', shown, re.M)

    def assert_as_noted(self, guest: guests.Guest, inside: str,
                        on_top: str) -> None:
        """``virsh snapshot-dumpxml`` shows what the notes show."""
        xml = engine.virsh('snapshot-dumpxml', guest.name, inside)
        for part in (f'<name>{inside}</name>', '<state>running</state>',
                     "<memory snapshot='internal'/>",
                     "<disk name='vda' snapshot='internal'/>",
                     "<domain type='qemu'>"):
            self.assertIn(part, xml)
        self.assertNotIn('<parent>', xml)
        xml = engine.virsh('snapshot-dumpxml', guest.name, on_top)
        for part in ('<state>disk-snapshot</state>',
                     f'<parent>\n    <name>{inside}</name>',
                     "<memory snapshot='no'/>",
                     "<disk name='vda' snapshot='external' type='file'>",
                     "<driver type='qcow2'/>"):
            self.assertIn(part, xml)

    def revert_to_each_and_delete(self, guest: guests.Guest, inside: str,
                                  on_top: str) -> None:
        for name, mark in ((inside, 'one'), (on_top, 'two'),
                           (inside, 'one')):
            self.manager.revert(guest.name, name, safety=False)
            guest.wait_for('^READY')
            self.assertEqual(mark, guest.seen().mark)
            self.assert_clean(guest)
        self.manager.delete(guest.name, [inside])
        self.manager.revert(guest.name, on_top, safety=False)
        guest.wait_for('^READY')
        self.assertEqual('two', guest.seen().mark)
        self.manager.delete(guest.name, [on_top])
        self.manager.merge(guest.name)
        guest.destroy()
        self.manager.settle(guest.name)
        self.manager.merge(guest.name)
        self.assertEqual([], self.names(guest))
        self.assert_clean(guest, deep=True)
        self.assertEqual(1, len([name for name in guest.files()
                                 if name.startswith('disk')
                                 and name != 'disk.info']))
        self.assertEqual('two', guest.on_disk().mark)
        self.assertTrue(guest.base_unchanged())


class TestTheirs(TranscriptTest):

    def test_it_is_adopted(self) -> None:
        guest = self.prepare()
        engine.virsh('snapshot-create', guest.name)
        inside = self.current(guest)
        self.assertTrue(inside.isdecimal())
        self.assertEqual([(inside, 'running')], self.listed(guest))
        self.assertEqual([inside], self.tags(guest, 'disk'))
        guest.mark('two')
        host.wait_until(lambda: time.time() >= int(inside) + 1, 'a second')
        engine.virsh('snapshot-create-as', guest.name, '--diskspec',
                     'vda,snapshot=external', '--disk-only')
        on_top = self.current(guest)
        guest.mark('three')
        self.assertEqual([(inside, 'running'), (on_top, 'disk-snapshot')],
                         self.listed(guest))
        self.assert_as_noted(guest, inside, on_top)
        self.assertLessEqual({'snapshot-unknown'}, {
            f.code for f in self.manager.check(guest.name)})
        guest.destroy()
        adopted = self.manager.adopt(guest.name)
        self.assertEqual(
            [(inside, 'internal', None), (on_top, 'external', inside)],
            [(info.name, info.kind, info.parent) for info in adopted])
        self.assert_clean(guest, deep=True)
        self.assertEqual([(inside, 'running'), (on_top, 'disk-snapshot')],
                         self.listed(guest))
        self.assert_as_noted(guest, inside, on_top)
        guest.start()
        self.assertEqual('three', guest.found().mark)
        self.revert_to_each_and_delete(guest, inside, on_top)

    def test_only_internal_goes_on_from_its_memory(self) -> None:
        guest = self.prepare()
        engine.virsh('snapshot-create-as', guest.name, 'inside')
        guest.mark('two')
        guest.destroy()
        self.manager.adopt(guest.name)
        self.assert_clean(guest, deep=True)
        guest.dom.create()
        since = len(guest.console.lines)
        self.manager.revert(guest.name, 'inside')
        guest.wait_for('^T ', since=since)
        self.assertEqual('one', guest.seen().mark)
        self.assert_clean(guest)


class TestOurs(TranscriptTest):

    def prepare(self) -> guests.Guest:
        guest = super().prepare()
        self.manager.create(guest.name, 'inside', kind='internal')
        guest.mark('two')
        self.manager.create(guest.name, 'on-top', kind='external')
        guest.mark('three')
        return guest

    def test_virsh_and_qemu_img_show_it(self) -> None:
        guest = self.prepare()
        self.assertEqual([('inside', 'running'), ('on-top', 'disk-snapshot')],
                         self.listed(guest))
        self.assert_as_noted(guest, 'inside', 'on-top')
        state = self.state(guest)
        frozen = state.snapshots[state.current or ''].disks['disk'].layer
        self.assertEqual(['inside'],
                         self.tags(guest, state.layers[frozen].file))
        self.revert_to_each_and_delete(guest, 'inside', 'on-top')

    def test_deleted_in_the_other_order(self) -> None:
        guest = self.prepare()
        self.manager.delete(guest.name, ['on-top'])
        self.manager.merge(guest.name)
        self.assert_clean(guest)
        self.manager.revert(guest.name, 'inside', safety=False)
        guest.wait_for('^T ')
        self.assertEqual('one', guest.seen().mark)
        self.manager.delete(guest.name, ['inside'])
        self.assertEqual([], self.tags(guest, 'disk'))
        self.assert_clean(guest)
