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

"""Nova's names: what a define by hand, a rename, a suspend may not lose."""

import json
import os
import pathlib
import sys

import libvirt

from snapdriver import exception
from tests.functional import engine
from tests.functional import guest as guests
from tests.functional import host

# Only root sees them.
_GET = """import json, os, sys; path = sys.argv[1]
print(json.dumps({name: os.getxattr(path, name).hex()
                  for name in os.listxattr(path) if '.libvirt.' in name}))
"""
_SET = """import os, sys; path, name, value = sys.argv[1:]
os.setxattr(path, name, bytes.fromhex(value))
"""


def _remembered(path: pathlib.Path) -> dict[str, str]:
    """What libvirt remembers about the file: attribute to value, in hex."""
    told = host.as_root(sys.executable, '-c', _GET, path).stdout
    return dict(json.loads(told))


class TestSettle(engine.EngineTest):
    """Invariants I1, I5 and I11."""

    def guest_on_overlay(self) -> guests.Guest:
        guest = guests.Guest(self, ('disk', 'disk.eph0')).define().start()
        guest.mark('frozen')
        self.manager.create(guest.name, 's1')
        guest.mark('newest')
        return guest

    def test_power_off_from_inside_then_start(self) -> None:
        guest = self.guest_on_overlay()
        guest.poweroff_from_inside()
        self.assertEqual(['unsettled', 'unsettled'], [
            f.code for f in self.manager.check(guest.name)])
        guest.start()  # by plain libvirt, before anybody has settled
        self.assertEqual('newest', guest.found().mark)
        guest.destroy()
        self.assertTrue(self.manager.settle(guest.name))
        self.assert_clean(guest, deep=True)
        self.assertEqual('newest', guest.on_disk().mark)
        guest.start()
        self.assertEqual('newest', guest.found().mark)

    def test_undefine_and_define_as_nova_does(self) -> None:
        guest = self.guest_on_overlay()
        guest.destroy()
        self.manager.settle(guest.name)
        # libvirt refuses to undefine while it lists snapshots...
        self.assertRaises(libvirt.libvirtError, guest.undefine_and_define)
        self.manager.drop_view(guest.name)
        guest.undefine_and_define()
        self.assertEqual('', engine.virsh(
            'snapshot-list', guest.name, '--name').strip())
        self.manager.restore_view(guest.name)
        self.assert_clean(guest)
        guest.start()
        self.assertEqual('newest', guest.found().mark)
        # ... and the next snapshot stands on the whole chain.
        self.manager.create(guest.name, 's2')
        self.assert_clean(guest)
        self.manager.revert(guest.name, 's1')
        self.assertEqual('frozen', guest.found().mark)
        self.assert_clean(guest)

    def test_what_a_killed_libvirtd_remembers(self) -> None:
        """It counts the domains that write a file, and never down again."""
        guest = guests.Guest(self).define().start()
        self.manager.create(guest.name, 's1')
        [layer] = [disk.active for disk in self.state(guest).disks.values()]
        path = guest.directory / self.state(guest).layers[layer].file
        owner = path.stat()
        remembered = _remembered(path)
        self.assertIn('trusted.libvirt.security.ref_dac', remembered)
        guest.destroy()
        host.as_root('chown', f'{owner.st_uid}:{owner.st_gid}', path)
        for name, value in remembered.items():
            host.as_root(sys.executable, '-c', _SET, path, name, value)
        self.assertTrue(self.manager.settle(guest.name))
        self.assertEqual({}, _remembered(path))
        self.assertEqual(os.geteuid(), path.stat().st_uid)
        guest.start()
        self.assert_clean(guest)

    def test_settle_needs_no_defined_domain(self) -> None:
        guest = self.guest_on_overlay()
        guest.destroy()
        self.manager.drop_view(guest.name)
        guest.dom.undefine()
        self.assertTrue(self.manager.settle(guest.uuid))
        self.assertEqual('newest', guest.on_disk().mark)
        guest.define()
        self.manager.settle(guest.name)  # describes them to virsh again
        self.assert_clean(guest)
        guest.start()
        self.assertEqual('newest', guest.found().mark)

    def test_frozen_layer_cannot_be_written(self) -> None:
        guest = self.guest_on_overlay()
        guest.destroy()
        # "disk" is the frozen layer still: just what Nova would define.
        guest.define()
        error = self.assertRaises(libvirt.libvirtError, guest.dom.create)
        self.assertIn('ermission denied', str(error))
        self.manager.settle(guest.name)
        guest.start()
        self.assertEqual('newest', guest.found().mark)
        self.assert_clean(guest)

    def test_directory_renamed_and_renamed_back(self) -> None:
        guest = self.guest_on_overlay()
        guest.destroy()
        self.manager.settle(guest.name)
        aside = guest.directory.with_name(f'{guest.uuid}_resize')
        guest.directory.rename(aside)
        self.assertEqual(
            3, len(engine.backing_chain(aside / 'disk')))  # with its base
        aside.rename(guest.directory)
        guest.start()
        self.assertEqual('newest', guest.found().mark)
        self.manager.revert(guest.name, 's1')
        self.assertEqual('frozen', guest.found().mark)
        self.assert_clean(guest)

    def test_suspended_domain_is_left_alone(self) -> None:
        guest = self.guest_on_overlay()
        guest.wait_more_ticks()
        guest.dom.managedSave()
        files = guest.files()
        self.assertFalse(self.manager.settle(guest.name))
        self.manager.recover(guest.name)
        error = self.assertRaises(exception.Refused, self.manager.revert,
                                  guest.name, 's1')
        self.assertIn('managed save', str(error))
        self.assertEqual(files, guest.files())
        self.assert_clean(guest)
        last = guest.last_tick()
        guest.dom.create()  # resumes: no boot, the counter goes on
        guest.wait_tick(last + 2)
        self.assertEqual('newest', guest.seen().mark)
        self.manager.revert(guest.name, 's1')
        self.assertEqual('frozen', guest.found().mark)

    def test_stranger_called_disk_is_not_overwritten(self) -> None:
        guest = self.guest_on_overlay()
        guest.destroy()
        host.run('mv', guest.directory / 'disk', guest.directory / 'mine')
        (guest.directory / 'disk').write_text('somebody else\'s')
        self.assertRaises(exception.UnsafeFile, self.manager.settle,
                          guest.name)
        self.assertEqual('somebody else\'s',
                         (guest.directory / 'disk').read_text())
