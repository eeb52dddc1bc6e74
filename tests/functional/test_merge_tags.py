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

"""Merges beside internal snapshots: not a byte of one changes (I6)."""

from tests.functional import engine
from tests.functional import guest as guests
from tests.functional import host


class TagTest(engine.EngineTest):
    """``i:t1`` makes an internal snapshot, ``s:s1`` an external one.

    Each writes a mark of its name, and data, before it.
    """

    running = True

    def prepare(self, *story: str) -> guests.Guest:
        guest = guests.Guest(self, ('disk', 'disk.eph0')).define().start()
        for seed, step in enumerate(story, 1):
            kind, _, name = step.partition(':')
            self.write(guest, name, seed)
            self.manager.create(guest.name, name, kind={
                'i': 'internal', 's': 'external'}[kind])
        self.write(guest, 'last', 9)
        self.sums = self.read(guest)
        if not self.running:
            guest.destroy()
            self.manager.settle(guest.name)
        self.before = self.tags(guest)
        return guest

    def write(self, guest: guests.Guest, mark: str, seed: int) -> None:
        for disk in guest.disks:
            guest.mark(mark, disk.target)
            guest.fill(2 * seed, 3, seed, disk.target)

    def read(self, guest: guests.Guest) -> list[str]:
        return [guest.sum(2, 30, disk.target) for disk in guest.disks]

    def tags(self, guest: guests.Guest) -> dict[tuple[str, str], str]:
        """A digest of all that each tag holds."""
        state = self.state(guest)
        return {(snapshot.name, name): self.digest(
            guest, state.layers[point.layer].file, point.tag)
            for snapshot in state.snapshots.values()
            for name, point in snapshot.disks.items() if point.tag}

    def digest(self, guest: guests.Guest, file: str, tag: str) -> str:
        raw = host.ROOT / 'home' / f'{guest.name}.raw'
        host.as_root('qemu-img', 'convert', '-U', '-f', 'qcow2', '-l',
                     f'snapshot.name={tag}', '-O', 'raw',
                     guest.directory / file, raw)
        try:
            return host.as_root('sha1sum', raw).stdout.split()[0]
        finally:
            host.as_root('rm', raw)

    def merge(self, guest: guests.Guest, *deleted: str,
              pending: int = 0) -> None:
        self.manager.delete(guest.name, deleted)
        self.manager.merge(guest.name)
        self.assertEqual({key: value for key, value in self.before.items()
                          if key[0] not in deleted}, self.tags(guest))
        self.assert_clean(guest, *['merge-pending'] * pending,
                          deep=not self.running and not pending)
        self.assertTrue(guest.base_unchanged())

    def finish(self, guest: guests.Guest, layers: int) -> None:
        """All data is there; each tag can be reverted to."""
        self.assertEqual(layers, len(self.state(guest).layers))
        if not guest.dom.isActive():
            guest.dom.create()
            guest.wait_for('^READY')
        self.assertEqual(self.sums, self.read(guest))
        for info in self.manager.list(guest.name):
            since = len(guest.console.lines)
            self.manager.revert(guest.name, info.name, safety=False)
            guest.wait_for('^T ', since=since)
            self.assertEqual(info.name, guest.seen('vdb').mark)
            self.assertEqual(info.name, guest.seen('vda').mark)


class TestRunning(TagTest):

    def test_in_the_lower(self) -> None:
        guest = self.prepare('i:t1', 's:s1')
        self.merge(guest, 's1')
        self.finish(guest, 2)

    def test_in_the_upper(self) -> None:
        """It waits until the tag is gone."""
        guest = self.prepare('s:s1', 'i:t1')
        self.merge(guest, 's1', pending=2)
        self.merge(guest, 't1')
        self.assertEqual(self.sums, self.read(guest))
        self.assertEqual({}, dict(self.state(guest).layers))

    def test_in_both(self) -> None:
        guest = self.prepare('i:t1', 's:s1', 'i:t2')
        self.merge(guest, 's1', pending=2)
        self.finish(guest, 4)

    def test_in_the_middle(self) -> None:
        guest = self.prepare('s:s1', 'i:t1', 's:s2')
        self.merge(guest, 's2')
        self.finish(guest, 4)


class TestOff(TestRunning):

    running = False

    def test_in_the_upper(self) -> None:
        guest = self.prepare('s:s1', 'i:t1')
        self.merge(guest, 's1', pending=2)
        self.merge(guest, 't1')
        self.assertEqual({}, dict(self.state(guest).layers))
