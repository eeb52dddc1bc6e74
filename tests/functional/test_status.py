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

"""``snapdriver-status upgrade check`` on a real libvirt and real instances."""

import json
import os
import shlex
import sys
from typing import Any

from snapdriver.status import hypervisor
from tests.functional import disks
from tests.functional import engine
from tests.functional import guest as guests
from tests.functional import host

# The snapdriver command, which dies once QEMU is on the new layer.
_DIES = """
import os, sys
from snapdriver import journal
from snapdriver.cli import main
journal.observer = lambda *phase: (
    os._exit(9) if phase == ('create', 'switched') else None)
main.main(sys.argv[1:])
"""


class TestStatus(engine.EngineTest):
    exclusive = True  # it looks at the instances of all

    def setUp(self) -> None:
        super().setUp()
        self.conf = str(host.ROOT / 'home' / 'status.conf')
        with open(self.conf, 'w') as file:
            file.write(
                f'[snapdriver]\ninstances_path = {disks.INSTANCES}\n'
                f'connection_uri = {host.URI}\nmin_free_percent = 0\n'
                '[snapdriver_privsep]\n'
                f'helper_command = {shlex.join(engine.HELPER)}\n')

    def status(self, user: str = 'owner') -> tuple[int, dict[str, Any]]:
        runner = host.as_root if user == 'root' else host.run
        done = runner(sys.executable, '-m', 'snapdriver.status',
                      '--config-file', self.conf, 'upgrade', 'check',
                      '--json', check=False)
        self.assertIn(done.returncode, (0, 1, 2), done.stdout + done.stderr)
        return done.returncode, {
            check['check']: (check['result'], check['details'])
            for check in json.loads(done.stdout)['checks']}

    def test_what_libvirt_says(self) -> None:
        _, found = self.status()
        number = self.conn.getLibVersion()
        self.assertIn(f'{number // 1000000}.{number // 1000 % 1000}.',
                      found['libvirt version'][1])
        number = self.conn.getVersion()
        self.assertIn(f'{number // 1000000}.{number // 1000 % 1000}.',
                      found['QEMU version'][1])
        self.assertNotEqual(2, found['libvirt version'][0])
        # As tools/sandbox has configured it.
        self.assertEqual((0, 'QEMU is not root.'), found['QEMU user'])
        self.assertEqual(0, found['Security module'][0])
        self.assertIn('dac', hypervisor.ask(host.URI).models)

    def test_instances(self) -> None:
        guest = guests.Guest(self, ('disk', 'disk.eph0')).define().start()
        self.manager.create(guest.name, 's1')
        before = self.tree(guest)
        for user in ('owner', 'root'):
            _, found = self.status(user)
            for name in ('Instances path', 'Locks', 'State files',
                         'Unfinished operations', 'File names',
                         'Disk space'):
                self.assertEqual(0, found[name][0], (user, found[name]))
            self.assertIn('State files: 1,', found['State files'][1])
        self.assertEqual(before, self.tree(guest))

    def test_interrupted_create(self) -> None:
        guest = guests.Guest(self).define().start()
        done = host.run(sys.executable, '-c', _DIES, '--config-file',
                        self.conf, 'snapshot', 'create', guest.name, 's1',
                        check=False)
        self.assertEqual(9, done.returncode, done.stderr)
        code, found = self.status()
        self.assertEqual(1, found['Unfinished operations'][0])
        self.assertIn(f'{guest.uuid} (create, planned)',
                      found['Unfinished operations'][1])
        self.assertNotEqual(0, code)
        self.manager.recover(guest.name)
        self.assertEqual(0, self.status()[1]['Unfinished operations'][0])

    def test_overlay_of_virsh_with_a_misread_name(self) -> None:
        guest = guests.Guest(self).define().start()
        overlay = os.path.join(guest.directory, 'disk.before_20')
        engine.virsh('snapshot-create-as', guest.name, 'theirs',
                     '--disk-only', '--diskspec', f'vda,file={overlay}')
        code, found = self.status()
        self.assertEqual((2, 2), (code, found['File names'][0]))
        self.assertIn(overlay, found['File names'][1])
        # The way out that it tells.
        guest.destroy()
        self.manager.adopt(guest.name)
        self.assertEqual(0, self.status()[1]['File names'][0])

    def test_libvirt_is_down(self) -> None:
        guest = guests.Guest(self).define()
        self.manager.create(guest.name, 's1')
        self.addCleanup(host.start_libvirtd)  # the guest's cleanup asks it
        host.stop_libvirtd()
        code, found = self.status()
        self.assertEqual((2, 2), (code, found['libvirt version'][0]))
        self.assertIn('State files: 1,', found['State files'][1])

    def tree(self, guest: guests.Guest) -> list[tuple[str, int, int]]:
        """The state folder; the guest writes to its disks all the time."""
        return sorted(
            (path, os.lstat(path).st_ino, os.lstat(path).st_ctime_ns)
            for where, _, files in os.walk(guest.directory / 'snapdriver')
            for path in (os.path.join(where, name) for name in files))
