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

"""Taking over what virsh has made."""

import time
from unittest import mock

from snapdriver import exception
from snapdriver.backends import internal_create
from tests.functional import disks
from tests.functional import engine
from tests.functional import guest as guests
from tests.functional import host


class TestAdopt(engine.EngineTest):

    def virsh_snapshot(self, guest: guests.Guest, name: str) -> None:
        engine.virsh('snapshot-create-as', guest.name, name, '--disk-only',
                     '--diskspec', 'vda,snapshot=external')

    def test_snapshots_by_virsh(self) -> None:
        guest = guests.Guest(self).define().start()
        for name in ('a', 'b'):
            guest.mark(name)
            self.virsh_snapshot(guest, name)
        guest.mark('newest')
        self.assertEqual({'snapshot-unknown'}, {
            f.code for f in self.manager.check(guest.name)})
        self.assertRaises(exception.Refused, self.manager.create, guest.name)
        self.assertRaises(exception.Refused, self.manager.adopt, guest.name)
        guest.destroy()
        adopted = self.manager.adopt(guest.name)
        self.assertEqual(['a', 'b'], [info.name for info in adopted])
        self.assert_clean(guest, deep=True)
        self.assertNotIn('disk.a', guest.files())
        self.assertEqual('newest', guest.on_disk().mark)
        guest.start()
        for name in ('a', 'b'):
            self.manager.revert(guest.name, name)
            self.assertEqual(name, guest.found().mark)
            self.assert_clean(guest)
        self.assertTrue(guest.base_unchanged())

    def test_permissions_come_back(self) -> None:
        """Nova reads the disk of a running guest that we know nothing of."""
        guest = guests.Guest(self).define()
        before = guest.files()['disk'].mode
        guest.start()
        self.virsh_snapshot(guest, 'a')
        guest.mark('newest')
        guest.destroy()
        self.manager.adopt(guest.name)
        self.manager.delete(guest.name, [], everything=True)
        self.manager.merge(guest.name)
        guest.define()
        self.assertEqual({}, self.state(guest).layers)
        self.assertEqual(before, guest.files()['disk'].mode)
        self.assertEqual('newest', guest.on_disk().mark)

    def test_virsh_on_top_of_ours(self) -> None:
        guest = guests.Guest(self).define().start()
        guest.mark('ours')
        self.manager.create(guest.name, 'ours')
        guest.mark('theirs')
        self.virsh_snapshot(guest, 'theirs')
        guest.mark('newest')
        self.assertIn('overlay-unknown', {
            f.code for f in self.manager.check(guest.name)})
        guest.destroy()
        self.manager.adopt(guest.name)
        self.assert_clean(guest, deep=True)
        guest.start()
        self.assertEqual('newest', guest.found().mark)
        for name in ('ours', 'theirs'):
            self.manager.revert(guest.name, name)
            self.assertEqual(name, guest.found().mark)
            self.assert_clean(guest)

    def test_virsh_within_the_same_second(self) -> None:
        """libvirt tells whole seconds, and knows which one is current."""
        guest = guests.Guest(self).define()
        with mock.patch.object(internal_create, 'time') as clock:
            clock.time.return_value = time.time() + 60
            self.manager.create(guest.name, 'ours', kind='internal')
        self.virsh_snapshot(guest, 'theirs')
        self.manager.adopt(guest.name)
        self.assertEqual(['theirs'], [
            i.name for i in self.manager.list(guest.name) if i.current])
        self.assert_clean(guest, deep=True)

    def test_template_in_the_same_directory_is_not_ours(self) -> None:
        guest = guests.Guest(self, plain=True).define()
        template = guest.disks[0].path.with_name(f'{guest.name}-template')
        host.run('mv', guest.disks[0].path, template)
        host.run('qemu-img', 'create', '-q', '-f', 'qcow2', '-F', 'qcow2',
                 '-b', template, guest.disks[0].path)
        before = disks.fingerprint(template), template.stat().st_mode
        guest.start()
        guest.mark('a')
        self.virsh_snapshot(guest, 'a')
        guest.mark('newest')
        error = self.assertRaises(
            exception.Refused, self.manager.create, guest.name)
        self.assertIn('adopt', str(error))
        guest.destroy()
        self.manager.adopt(guest.name)
        self.assert_clean(guest)
        guest.start()
        self.assertEqual('newest', guest.found().mark)
        self.manager.revert(guest.name, 'a')
        self.assertEqual('a', guest.found().mark)
        self.assertEqual(
            before, (disks.fingerprint(template), template.stat().st_mode))

    def test_after_the_state_file_was_lost(self) -> None:
        guest = guests.Guest(self).define().start()
        for name in ('a', 'b'):
            guest.mark(name)
            self.manager.create(guest.name, name)
        guest.mark('newest')
        self.manager.revert(guest.name, 'a')
        guest.wait_for('^READY')
        guest.mark('branch')
        names = set(self.names(guest))
        host.run('rm', guest.directory / 'snapdriver' / 'state.json')
        self.assertRaises(exception.Refused, self.manager.create, guest.name)
        guest.destroy()
        self.manager.adopt(guest.name)
        self.assertEqual(names, set(self.names(guest)))
        self.assert_clean(guest, deep=True)
        guest.start()
        self.assertEqual('branch', guest.found().mark)
        safety = (names - {'a', 'b'}).pop()
        for name, mark in (('b', 'b'), (safety, 'newest'), ('a', 'a')):
            self.manager.revert(guest.name, name)
            self.assertEqual(mark, guest.found().mark)
            self.assert_clean(guest)
