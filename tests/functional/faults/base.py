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

"""What the tests of faults have in common."""

import json
import os
import pathlib
import signal
import stat
import tempfile
from typing import Any

import libvirt
import libvirt_qemu

from snapdriver import chain
from snapdriver import domainxml
from snapdriver import jobs
from snapdriver import locks
from snapdriver import model
from tests.functional import engine
from tests.functional import guest as guests
from tests.functional import host
from tests.functional.faults import victim

# Where the guest has its mark; see disks.Disk.label().
_MARK = 2049 * 512


class FaultTest(engine.EngineTest):
    """Guests that need no boot to hold data, victims, and what is left."""

    # Victims.

    def job(self, verb: str, guest: guests.Guest, *arguments: Any,
            signal_at: int | None = None,
            signal: signal.Signals = signal.SIGKILL,
            **named: Any) -> victim.Job:
        return victim.Job(
            verb, guest.name, arguments, named, signal_at, signal,
            options=dict(self.config.conf.snapdriver),
            helper_command=self.config.conf.snapdriver_privsep.helper_command)

    def start(self, job: victim.Job) -> victim.Victim:
        """Start a victim; it does not outlive the test, even stopped."""
        started = victim.Victim(job)
        self.addCleanup(started.kill)
        return started

    def run_victim(self, verb: str, guest: guests.Guest, *arguments: Any,
                   **named: Any) -> victim.Victim:
        return victim.run(self.job(verb, guest, *arguments, **named))

    # Data without a boot.

    def write(self, guest: guests.Guest, mark: str) -> None:
        """Write a mark to every disk of a domain that is off.

        To the files that it would write if it were started now.
        """
        with tempfile.NamedTemporaryFile(dir=host.ROOT / 'home') as file:
            file.write(f'mark {mark}\n'.encode().ljust(512, b'\0'))
            file.flush()
            for source in self.sources(guest).values():
                host.as_root(
                    'qemu-io', '-f', 'qcow2', '-c',
                    f'write -s {file.name} {_MARK} 512', source)

    def write_more(self, guest: guests.Guest, mebibytes: int) -> None:
        """As :meth:`write`, so much that the layer is large."""
        for source in self.sources(guest).values():
            host.as_root(
                'qemu-io', '-f', 'qcow2', '-c',
                f'write -P 7 16M {mebibytes}M', source)

    def active_marks(self, guest: guests.Guest) -> set[str | None]:
        """What the disks hold that it would have if it were started now."""
        return {guest.disks[0].label(pathlib.Path(source)).mark
                for source in self.sources(guest).values()}

    def marks_of(self, guest: guests.Guest,
                 info: model.SnapshotInfo) -> set[str | None]:
        """What a snapshot holds, on each of its disks."""
        return {self.tag_mark(guest, disk['layer'], disk['tag'])
                if disk['tag'] else guest.disks[0].label(
                    guest.directory / disk['layer']).mark
                for disk in info.disks.values()}

    def tag_mark(self, guest: guests.Guest, file: str, tag: str
                 ) -> str | None:
        with tempfile.TemporaryDirectory(dir=host.ROOT / 'home') as folder:
            copy = pathlib.Path(folder, 'copy')
            host.as_root(
                'qemu-img', 'convert', '-U', '-f', 'qcow2', '-l',
                f'snapshot.name={tag}', '-O', 'qcow2',
                guest.directory / file, copy)
            return guest.disks[0].label(copy).mark

    def sources(self, guest: guests.Guest) -> dict[str, str]:
        """Target to file of the disks that the domain is defined on."""
        xml = guest.dom.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
        return {disk.target: disk.source or ''
                for disk in domainxml.parse_disks(xml)
                if disk.device == 'disk'}

    def try_boot(self, guest: guests.Guest, stop: bool = True) -> None:
        """See that QEMU can open all that the domain is defined on."""
        guest.dom.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
        if stop:
            guest.dom.destroy()

    # What must be so at the end.

    def assert_sound(self, guest: guests.Guest, deep: bool = False) -> None:
        """``check`` has nothing, no file is left over or readable by all."""
        state = self.state(guest)
        self.assertIsNone(state.operation)
        pending = ['merge-pending'] * len(chain.hidden(state))
        pending += ['tag-pending'] * len(jobs.of_type(state, jobs.UNTAG))
        self.assert_clean(guest, *pending, deep=deep)
        self.assert_no_leak(guest, state)
        self.assertTrue(guest.base_unchanged())

    def assert_no_leak(self, guest: guests.Guest,
                       state: model.State) -> None:
        layers = {layer.file for layer in state.layers.values()}
        found = guest.files()
        own = {disk.name for disk in guest.disks}
        self.assertEqual(
            layers | own | {'disk.info', 'snapdriver'},
            set(found) | {'snapdriver'})
        for name in layers - _unnamed(state):
            self.assertEqual(0, found[name].mode & stat.S_IRWXO, name)
        folder = guest.directory / 'snapdriver'
        kept = {f'{snapshot}.xml' for snapshot in state.snapshots}
        kept |= {f'{key}.defined.xml' for key, snapshot
                 in state.snapshots.items()
                 if snapshot.consistency is model.Consistency.MEMORY}
        # A state of nothing is no file, and who never merged held no merge.
        perhaps = {'state.json', locks.HOLD}
        self.assertEqual(kept | {locks.FILE} | perhaps,
                         set(os.listdir(folder)) | perhaps)
        owner = guest.directory.stat().st_uid
        for path in (folder, *folder.iterdir()):
            status = path.stat()
            self.assertEqual(0, status.st_mode & stat.S_IRWXO, path)
            self.assertEqual(owner, status.st_uid, path)

    def assert_recover_does_nothing(self, guest: guests.Guest) -> None:
        before = _snapshot_of(guest)
        self.assertEqual([], list(self.manager.recover(guest.name)))
        self.assertEqual(before, _snapshot_of(guest))


def switch_behind_its_back(guest: guests.Guest, overlay: str) -> None:
    """Have QEMU write an overlay, as a dying libvirtd leaves it."""
    path = guest.directory / overlay
    host.as_root('chown', 'libvirt-qemu:libvirt-qemu', path)
    active = next(
        block['inserted']['node-name'] for block in ask(guest, 'query-block')
        if block.get('inserted'))
    ask(guest, 'blockdev-add', **{
        'node-name': 'torn', 'driver': 'qcow2', 'backing': None, 'file': {
            'driver': 'file', 'filename': str(path)}})
    ask(guest, 'blockdev-snapshot', node=active, overlay='torn')


def ask(guest: guests.Guest, command: str, **arguments: Any) -> Any:
    answer = json.loads(libvirt_qemu.qemuMonitorCommand(guest.dom, json.dumps(
        {'execute': command, 'arguments': arguments}), 0))
    if 'return' not in answer:
        raise AssertionError(answer)
    return answer['return']


def _unnamed(state: model.State) -> set[str]:
    """Lowest layers that were never frozen: the mode is still Nova's."""
    frozen = set(chain.frozen(state))
    return {layer.file for layer in state.layers.values()
            if layer.parent is None and layer.id not in frozen}


def _snapshot_of(guest: guests.Guest) -> list[Any]:
    """Everything that a recover could change."""
    # Not their sizes: a guest may be writing.
    files = {name: info[:4] for name, info in guest.files().items()
             if name != 'snapdriver'}
    file = guest.directory / 'snapdriver' / 'state.json'
    return [files, file.read_bytes() if file.exists() else None,
            guest.dom.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE),
            guest.dom.isActive()]
