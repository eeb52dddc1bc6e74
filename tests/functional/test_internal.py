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


"""Internal snapshots: made, listed and deleted, in each state of a domain."""

import json
import re

import snapdriver
from snapdriver import exception
from tests.functional import engine
from tests.functional import guest as guests
from tests.functional import host

TWO = ('disk', 'disk.eph0')


class InternalTest(engine.EngineTest):
    """What the tests of internal snapshots have in common."""

    def take(self, guest: guests.Guest, name: str,
             **wanted: object) -> snapdriver.SnapshotInfo:
        return self.manager.create(guest.name, name, kind='internal',
                                   **wanted)

    def refused(self, guest: guests.Guest, text: str,
                **wanted: object) -> None:
        """Before anything has changed (I8)."""
        files = set(guest.files()) | {'snapdriver'}
        error = self.assertRaises(exception.Refused, self.take, guest,
                                  'more', **wanted)
        self.assertIn(text, str(error))
        self.assertEqual(files, set(guest.files()) | {'snapdriver'})
        self.assertEqual([], self.names(guest))


def tags(guest: guests.Guest, file: str) -> dict[str, int]:
    """The tags that qemu-img sees, and the memory that each holds."""
    shown = json.loads(host.as_root(
        'qemu-img', 'info', '-U', '-f', 'qcow2', '--output=json',
        guest.directory / file).stdout)
    return {entry['name']: entry['vm-state-size']
            for entry in shown.get('snapshots', ())}


class TestCreate(InternalTest):

    def test_running(self) -> None:
        guest = guests.Guest(self, config_drive=True).define().start()
        before = set(guest.files())
        made = self.take(guest, 's1', description='by hand')
        self.assertEqual(
            ('internal', 'running', 'memory', True, 's1'),
            (made.kind, made.state, made.consistency, made.current,
             made.disks['disk']['tag']))
        self.assertEqual({'hda': 'it is a cdrom'}, made.left_out)
        self.assertEqual('running', self.power(guest))
        guest.wait_more_ticks()
        self.assert_clean(guest)
        second = self.take(guest, 's2')
        self.assertEqual('s1', second.parent)
        self.assertEqual(2, len([
            size for size in tags(guest, 'disk').values() if size > 1 << 20]))
        self.assert_clean(guest)
        # As the transcript of a plain "virsh snapshot-create" shows it.
        dumped = engine.virsh('snapshot-dumpxml', guest.name, 's1')
        self.assertRegex(dumped, re.compile(
            r"<state>running</state>.*<memory snapshot='internal'/>\s*"
            r"<disks>.*<disk name='vda' snapshot='internal'/>.*<domain ",
            re.DOTALL))
        self.assertEqual([self.active(guest, 'disk')],
                         engine.layers(set(guest.files()) - before))
        self.assertTrue(guest.base_unchanged())

    def test_paused(self) -> None:
        guest = guests.Guest(self, TWO).define().start()
        guest.dom.suspend()
        made = self.take(guest, 's1')
        self.assertEqual(('paused', 'memory'),
                         (made.state, made.consistency))
        self.assertEqual('paused', self.power(guest))
        self.assertEqual({'s1'}, set(tags(guest, 'disk')))
        self.assertEqual({'s1': 0}, tags(guest, 'disk.eph0'))
        self.assert_clean(guest)
        guest.dom.resume()
        guest.wait_more_ticks()

    def test_off(self) -> None:
        guest = guests.Guest(self, TWO).define()
        made = self.take(guest, 's1')
        self.assertEqual(('shutoff', 'offline'),
                         (made.state, made.consistency))
        for name in TWO:
            self.assertEqual({'s1': 0}, tags(guest, name))
        self.assertIn("<memory snapshot='no'/>", engine.virsh(
            'snapshot-dumpxml', guest.name, 's1'))
        self.assert_clean(guest, deep=True)
        guest.start()
        self.take(guest, 's2')
        self.assert_clean(guest)

    def test_dry_run_changes_nothing(self) -> None:
        guest = guests.Guest(self).define().start()
        before = guest.files()
        plan = self.manager.plan_create(guest.name, 's1', kind='internal')
        self.assertEqual(((), ()), (plan.refusals, plan.new_files))
        self.assertEqual(guest.memory << 20, plan.bytes)
        self.assertEqual(before, guest.files())

    def test_command(self) -> None:
        guest = guests.Guest(self, plain=True).define()
        shown = host.run_cli('snapshot', 'create', guest.name, 's1',
                             '--kind', 'internal', '-f', 'json').stdout
        self.assertEqual('internal', json.loads(shown)['kind'])
        self.assert_clean(guest)


class TestDelete(InternalTest):

    def test_at_once(self) -> None:
        guest = guests.Guest(self, TWO).define().start()
        for name in ('s1', 's2', 's3'):
            self.take(guest, name)
        self.manager.delete(guest.name, ['s2'])
        for name in TWO:
            self.assertEqual({'s1', 's3'}, set(tags(guest, name)))
        self.assert_clean(guest)
        guest.wait_more_ticks()
        guest.destroy()
        self.manager.delete(guest.name, ['s1'])
        self.assertEqual({'s3'}, set(tags(guest, 'disk.eph0')))
        self.assert_clean(guest)
        self.manager.delete(guest.name, [], everything=True)
        self.assertEqual({}, tags(guest, 'disk'))
        # As if we had never been there.
        self.assertEqual([], engine.layers(guest.files()))
        self.assert_clean(guest, deep=True)

    def test_from_a_backing_file_when_it_is_off(self) -> None:
        guest = guests.Guest(self).define().start()
        self.take(guest, 'i1')
        lower = self.active(guest, 'disk')
        self.manager.create(guest.name, 'e1')
        self.assert_clean(guest)
        self.manager.delete(guest.name, ['i1'])
        self.assertEqual(['e1'], self.names(guest))
        self.assertEqual({'i1'}, set(tags(guest, lower)))
        self.assertEqual(1, len(self.state(guest).jobs))
        self.assert_clean(guest, 'tag-pending')
        self.take(guest, 'i1')  # another layer: not the same
        guest.destroy()
        self.manager.recover(guest.name)
        self.assertEqual({}, tags(guest, lower))
        self.assertEqual(0o440, guest.files()[lower].mode)
        self.assertEqual({'i1'}, set(tags(guest, 'disk')))
        self.assertEqual({}, dict(self.state(guest).jobs))
        self.assert_clean(guest, deep=True)

    def test_from_a_branch_at_once(self) -> None:
        guest = guests.Guest(self).define().start()
        self.manager.create(guest.name, 'e1')
        self.take(guest, 'i1')
        branch = self.active(guest, 'disk')
        self.manager.revert(guest.name, 'e1')
        self.assertIn(branch, guest.files())  # i1 is in it
        self.manager.create(guest.name, 'e2')
        self.manager.delete(guest.name, ['i1'])
        self.assertEqual({}, tags(guest, branch))
        self.assertEqual(0o440, guest.files()[branch].mode)
        self.assert_clean(guest)


class TestCheck(InternalTest):

    def test_tags(self) -> None:
        guest = guests.Guest(self).define()
        self.take(guest, 's1')
        file = guest.directory / self.active(guest, 'disk')
        for option, name in (('-d', 's1'), ('-c', 'other')):
            host.as_root('qemu-img', 'snapshot', option, name, file)
        self.assert_clean(guest, 'tag-missing', 'tag-unknown')
        # Off or running: what cannot work is refused, and the guest runs.
        for _ in range(2):
            error = self.assertRaises(
                exception.Refused, self.manager.revert, guest.name, 's1')
            self.assertIn('should have one', str(error))
            if not guest.dom.isActive():
                guest.start()
        self.assert_clean(guest, 'tag-missing', 'tag-unknown')
        self.manager.delete(guest.name, ['s1'])
        guest.wait_more_ticks()


class TestRefusals(InternalTest):

    def test_disks(self) -> None:
        guest = guests.Guest(self, TWO, outside_disk=True).define()
        self.refused(guest, 'vdc can be written and it lies outside')
        other = guests.Guest(self, TWO).define()
        self.refused(other, 'takes all disks', disks=['vda'])
        self.refused(other, 'min_free_percent', **self.no_room())

    def no_room(self) -> dict[str, object]:
        self.set(min_free_percent=100)
        return {}

    def test_firmware(self) -> None:
        guest = guests.Guest(self).define()
        self.conn.defineXML(guest.xml().replace(
            '<initrd>', "<loader readonly='yes' type='pflash'>/usr/share/"
            'OVMF/OVMF_CODE.fd</loader><initrd>'))
        self.refused(guest, 'UEFI')

    def test_names(self) -> None:
        guest = guests.Guest(self).define()
        error = self.assertRaises(exception.Refused, self.take, guest, '7')
        self.assertIn('letter', str(error))
        host.as_root('qemu-img', 'snapshot', '-c', 'more',
                     guest.directory / 'disk')
        self.refused(guest, 'already')
        guest.start()
        self.refused(guest, 'already')

    def test_quiesce_is_not_needed(self) -> None:
        guest = guests.Guest(self).define().start()
        plan = self.manager.plan_create(
            guest.name, 's1', kind='internal', quiesce='require')
        self.assertEqual((), plan.refusals)
        self.assertIn('need not be quiesced', plan.notes[0])
