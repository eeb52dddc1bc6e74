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

"""A merge gives way to whatever comes, and goes on after it."""

from collections.abc import Iterator
import contextlib
import threading

import libvirt

import snapdriver
from snapdriver import exception
from snapdriver import model
from tests.functional import engine
from tests.functional import guest as guests
from tests.functional import host

_MIB = 24
_SLOW = 4  # MiB per second


class YieldTest(engine.EngineTest):
    """Each guest has s1, whose 24 MiB wait to be merged, and s2.

    In the running guest they are copied into a layer in the middle of its
    chain, which QEMU does; while it is off qemu-img does.
    """

    def prepare(self, running: bool) -> guests.Guest:
        guest = guests.Guest(self).define().start()
        guest.mark('one')
        self.manager.create(guest.name, 's0')
        self.manager.create(guest.name, 's1')
        guest.fill(4, _MIB)
        guest.mark('two')
        self.manager.create(guest.name, 's2')
        guest.mark('three')
        self.data = guest.sum(2, 38)
        self.manager.delete(guest.name, ['s1'])
        if not running:
            guest.destroy()
        return guest

    @contextlib.contextmanager
    def merging(self, guest: guests.Guest) -> Iterator[None]:
        """A merge is in the middle; at the end all is merged."""
        begun = threading.Event()
        result: list[model.Merged] = []

        def progress(percent: float) -> None:
            if percent > 0:
                begun.set()

        def work() -> None:
            connection = libvirt.open(host.URI)
            result.append(snapdriver.SnapshotManager(connection).merge(
                guest.name, bandwidth=_SLOW, progress=progress))
            connection.close()

        worker = threading.Thread(target=work, daemon=True)
        worker.start()
        self.assertTrue(begun.wait(30))
        yield
        self.assertTrue(worker.is_alive())  # it was in the middle
        worker.join(100)
        self.assertEqual([{}], [dict(m.pending) for m in result])
        self.assertNotEqual((), result[0].done)

    def finish(self, guest: guests.Guest, mark: str, *names: str) -> None:
        self.assertEqual(list(names), self.names(guest))
        self.assert_clean(guest)
        if not guest.dom.isActive():
            guest.dom.create()
        guest.wait_for('^READY')
        self.assertEqual(mark, guest.seen().mark)
        if mark == 'three':
            self.assertEqual(self.data, guest.sum(2, 38))
        self.assertTrue(guest.base_unchanged())


class TestRunning(YieldTest):

    def test_create(self) -> None:
        guest = self.prepare(running=True)
        with self.merging(guest):
            self.manager.create(guest.name, 's3')
        self.finish(guest, 'three', 's0', 's2', 's3')

    def test_revert(self) -> None:
        guest = self.prepare(running=True)
        with self.merging(guest):
            self.manager.revert(guest.name, 's0', safety=False)
        self.finish(guest, 'one', 's0', 's2')
        self.manager.revert(guest.name, 's2')
        self.assertEqual('two', guest.found().mark)

    def test_settle_check_and_list(self) -> None:
        guest = self.prepare(running=True)
        with self.merging(guest):
            self.assertIn('merge-running', [
                finding.code for finding in self.manager.check(guest.name)])
            self.assertEqual(['s0', 's2'], self.names(guest))
            self.assertFalse(self.manager.settle(guest.name))
        self.finish(guest, 'three', 's0', 's2')

    def test_destroy_and_start(self) -> None:
        guest = self.prepare(running=True)
        with self.merging(guest):
            guest.destroy()
            self.assertTrue(self.manager.settle(guest.name))
        self.finish(guest, 'three', 's0', 's2')

    def test_soft_stop(self) -> None:
        guest = self.prepare(running=True)
        with self.merging(guest):
            guest.poweroff_from_inside()
        self.finish(guest, 'three', 's0', 's2')


class TestOff(YieldTest):

    def test_create(self) -> None:
        guest = self.prepare(running=False)
        with self.merging(guest):
            self.manager.create(guest.name, 's3')
        self.finish(guest, 'three', 's0', 's2', 's3')

    def test_settle_and_start(self) -> None:
        guest = self.prepare(running=False)
        with self.merging(guest):
            self.manager.settle(guest.name)
            # Unless it is begun anew at this moment: QEMU then refuses.
            host.wait_until(lambda: self.starts(guest), 'it starts')
        self.finish(guest, 'three', 's0', 's2')

    def starts(self, guest: guests.Guest) -> bool:
        self.manager.settle(guest.name)
        try:
            guest.dom.create()
        except libvirt.libvirtError:
            return False
        return True

    def test_delete_all(self) -> None:
        guest = self.prepare(running=False)
        with self.merging(guest):
            self.manager.delete(guest.name, [], everything=True)
        self.finish(guest, 'three')

    def test_two_workers(self) -> None:
        guest = self.prepare(running=False)
        with self.merging(guest):
            self.assertRaises(exception.Refused, self.manager.merge,
                              guest.name)
        self.finish(guest, 'three', 's0', 's2')
