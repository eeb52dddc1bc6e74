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

from collections.abc import Callable
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
_LARGE_GIB = 2
_LARGE_SLOW = 64  # MiB per second: it is never done while a verb is tried
_ANSWERS_WITHIN = 10  # seconds; the design says 5, on a machine of its own


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


class TestLarge(engine.EngineTest):
    """Two gibibytes wait to be merged, and every verb comes meanwhile."""

    def prepare(self) -> guests.Guest:
        guest = guests.Guest(self, size='3G').define()
        self.manager.create(guest.name, 's0')
        self.manager.create(guest.name, 's1')
        host.run('qemu-io', '-f', 'qcow2', *_each_gib('write'),
                 guest.directory / 'disk')
        self.manager.create(guest.name, 's2')
        self.manager.delete(guest.name, ['s1'])
        return guest.start()

    @contextlib.contextmanager
    def merging(self, guest: guests.Guest) -> Iterator[Callable[[], None]]:
        """A slow merge goes on; what is given waits until it is under way.

        It is given up at the end, long before it is done.
        """
        under_way, enough = threading.Event(), threading.Event()
        ended: list[BaseException] = []

        class Enough(Exception):
            pass

        def progress(percent: float) -> None:
            if enough.is_set():
                raise Enough
            if 0 < percent < 100:
                under_way.set()

        def work() -> None:
            connection = libvirt.open(host.URI)
            try:
                snapdriver.SnapshotManager(connection).merge(
                    guest.name, bandwidth=_LARGE_SLOW, progress=progress)
            except Exception as error:
                ended.append(error)
            finally:
                connection.close()

        def wait() -> None:
            under_way.clear()
            self.assertTrue(under_way.wait(60), ended)

        worker = threading.Thread(target=work, daemon=True)
        worker.start()
        yield wait
        self.assertTrue(worker.is_alive(), ended)  # it was in the middle
        enough.set()
        worker.join(60)
        self.assertEqual([Enough], [type(error) for error in ended])

    def soon(self, call: Callable[[], object]) -> None:
        """Call, and see that it answers in time."""
        failed: list[BaseException] = []

        def act() -> None:
            try:
                call()
            except BaseException as error:
                failed.append(error)

        worker = threading.Thread(target=act, daemon=True)
        worker.start()
        worker.join(_ANSWERS_WITHIN)
        self.assertFalse(worker.is_alive(), 'it does not answer')
        if failed:
            raise failed[0]

    def pattern(self, guest: guests.Guest) -> None:
        """What was written is what the guest's disk holds."""
        host.as_root('qemu-io', '-f', 'qcow2', *_each_gib('read'),
                     guest.directory / self.active(guest, 'disk'))

    def test_every_verb(self) -> None:
        guest = self.prepare()
        manager = self.manager
        with self.merging(guest) as under_way:
            under_way()
            self.soon(lambda: manager.create(guest.name, 's3'))
            under_way()
            self.soon(lambda: manager.settle(guest.name))
            under_way()
            self.soon(guest.dom.destroy)
            self.soon(lambda: self.assertTrue(manager.settle(guest.name)))
            under_way()  # by qemu-img, now that it is off
            self.soon(lambda: manager.create(guest.name, 's4'))
            under_way()
            self.soon(lambda: self.start(guest))
            under_way()
            self.soon(lambda: manager.revert(guest.name, 's0', safety=False))
            under_way()  # of another branch than the guest's
            self.soon(lambda: manager.revert(guest.name, 's4', safety=False))
            under_way()
            guest.wait_for('^READY')
            self.soon(guest.poweroff_from_inside)
            self.soon(lambda: self.assertTrue(manager.settle(guest.name)))
            under_way()
        merged = manager.merge(guest.name)
        self.assertEqual({}, dict(merged.pending))
        self.assertNotEqual((), merged.done)
        self.assertEqual(['s0', 's2', 's3', 's4'], self.names(guest))
        self.pattern(guest)
        self.assert_clean(guest)
        self.assertTrue(guest.base_unchanged())

    def start(self, guest: guests.Guest) -> None:
        """QEMU refuses it while qemu-img has the layers open."""
        def starts() -> bool:
            self.manager.settle(guest.name)
            try:
                guest.dom.create()
            except libvirt.libvirtError:
                return False
            return True
        host.wait_until(starts, 'it starts')


def _each_gib(command: str) -> list[str]:
    """Of qemu-io, which takes less than 2 GiB at a time."""
    return [word for gib in range(_LARGE_GIB) for word in (
        '-c', f'{command} -q -P 7 {16 + 1024 * gib}M 1024M')]
