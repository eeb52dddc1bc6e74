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

"""Who owns what: the owner, root for the owner, QEMU as another user."""

import json
import os
import stat

from tests.functional import engine
from tests.functional import guest as guests
from tests.functional import host


class TestPrivileges(engine.EngineTest):

    def assert_owners(self, guest: guests.Guest) -> None:
        """Nothing of ours is root's, or open to the world."""
        me = os.geteuid()
        for name, found in guest.files().items():
            if '.layer-' in name:
                self.assertNotEqual(0, found.uid, name)
                self.assertFalse(found.mode & stat.S_IRWXO, name)
        shown = host.as_root(
            'find', guest.directory / 'snapdriver', '-printf',
            '%f %U %m %y\n').stdout
        for line in shown.splitlines():
            name, uid, mode, kind = line.split()
            self.assertEqual(str(me), uid, line)
            self.assertIn((kind, mode), {
                ('d', '700'), ('f', '600'), ('f', '660')}, line)
            self.assertTrue(mode != '660' or name == 'lock', line)

    def cli(self, user: str, *arguments: str) -> object:
        done = host.run_cli(*arguments, user=user)  # type: ignore[arg-type]
        return json.loads(done.stdout) if '-f' in arguments else done.stdout

    def test_owner_then_root_then_owner(self) -> None:
        guest = guests.Guest(self, ('disk', 'disk.eph0')).define().start()
        for number, user in enumerate(('owner', 'root', 'owner'), 1):
            guest.mark(f'm{number}')
            self.cli(user, 'snapshot', 'create', guest.name, f's{number}')
            self.assert_owners(guest)
            self.assert_clean(guest)
        for number, user in enumerate(('root', 'owner', 'root'), 1):
            guest.destroy()
            self.cli(user, 'domain', 'settle', guest.name)
            self.cli(user, 'snapshot', 'create', guest.name, f'off{number}')
            self.assert_owners(guest)
            self.cli(user, 'snapshot', 'revert', guest.name, f's{number}')
            self.assert_owners(guest)
            guest.start()
            self.assertEqual(f'm{number}', guest.found().mark)
            self.assert_clean(guest)
            self.cli(user, 'snapshot', 'delete', guest.name, f'off{number}')
            self.assert_owners(guest)
            self.assertEqual([], [
                entry for entry
                in self.cli(user, 'domain', 'check', guest.name, '-f', 'json')
                if entry['severity'] != 'pending'])
        listed = [self.cli(user, 'snapshot', 'list', guest.name, '-f', 'json')
                  for user in ('owner', 'root')]
        self.assertEqual(listed[0], listed[1])
        self.assertTrue(guest.base_unchanged())
