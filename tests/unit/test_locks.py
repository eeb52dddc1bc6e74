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

"""One lock, between threads and between processes."""

from collections.abc import Callable
from collections.abc import Iterator
import contextlib
import os
import shutil
import stat
import threading
import time
from unittest import mock

from oslo_concurrency import lockutils

from snapdriver import exception
from snapdriver import locks
from tests.unit import base

_ROUNDS = 15


class LockTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.folder = self.make_directory()
        self.write(self.folder, 'counter', b'0')

    def hold(self, timeout: float = 20
             ) -> contextlib.AbstractContextManager[None]:
        return locks.InstanceLock(
            self.folder, 'web', timeout).held()  # type: ignore

    def count(self) -> None:
        """Lose counts, unless the lock excludes others."""
        for _ in range(_ROUNDS):
            with self.hold():
                before = int(self.read(self.folder, 'counter'))
                time.sleep(0.001)
                self.write(self.folder, 'counter', b'%d' % (before + 1))

    def fork(self, what: Callable[[], None]) -> int:
        """Do that in another process."""
        process = os.fork()
        if process == 0:
            status = 1
            try:
                what()
                status = 0
            finally:
                os._exit(status)
        return process

    def assert_ended_well(self, process: int) -> None:
        _, status = os.waitpid(process, 0)
        self.assertEqual(0, os.waitstatus_to_exitcode(status))

    @contextlib.contextmanager
    def held_by_another_process(self) -> Iterator[int]:
        ready, stop = os.pipe(), os.pipe()

        def hold() -> None:
            os.close(stop[1])
            with self.hold(5):
                os.write(ready[1], b'.')
                os.read(stop[0], 1)

        process = self.fork(hold)
        os.close(ready[1])
        try:
            self.assertEqual(b'.', os.read(ready[0], 1))
            yield process
        finally:
            for end in (ready[0], *stop):
                os.close(end)

    def test_processes_exclude_each_other(self) -> None:
        processes = [self.fork(self.count) for _ in range(3)]
        for process in processes:
            self.assert_ended_well(process)
        self.assertEqual(3 * _ROUNDS, int(self.read(self.folder, 'counter')))

    def test_threads_exclude_each_other(self) -> None:
        threads = [threading.Thread(target=self.count) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(4 * _ROUNDS, int(self.read(self.folder, 'counter')))

    def test_busy_by_another_process(self) -> None:
        with self.held_by_another_process() as process:
            error = self.assertRaises(exception.Busy,
                                      self.hold(0.2).__enter__)
            self.assertEqual(('web', self.folder.path_of('lock'), 0.2),
                             (error.domain, error.path, error.seconds))
        self.assert_ended_well(process)
        with self.hold(0.2):
            pass

    def test_busy_by_another_thread(self) -> None:
        errors: list[Exception] = []

        def ask() -> None:
            try:
                with self.hold(0.2):
                    pass
            except exception.Busy as error:
                errors.append(error)

        with self.hold():
            thread = threading.Thread(target=ask, daemon=True)
            thread.start()
            thread.join(3)
            self.assertFalse(thread.is_alive(), 'it waits for ever')
        thread.join()
        self.assertEqual(1, len(errors))

    def test_let_go_when_the_holder_is_killed(self) -> None:
        with self.held_by_another_process() as process:
            os.kill(process, 9)
            os.waitpid(process, 0)
            with self.hold(1):
                pass

    def test_let_go_after_an_error(self) -> None:
        for _ in range(3):
            with contextlib.suppress(ZeroDivisionError), self.hold(0.2):
                raise ZeroDivisionError

    def test_let_go_whoever_remembers_the_lock(self) -> None:
        kept = []
        make = lockutils.external_lock

        def remember(*args: str, **kwargs: str) -> object:
            kept.append(make(*args, **kwargs))
            return kept[-1]

        with mock.patch.object(lockutils, 'external_lock', remember):
            with self.hold():
                pass
            with self.held_by_another_process() as process:
                pass
        self.assertEqual(1, len(kept))
        self.assert_ended_well(process)

    def test_let_go_after_busy(self) -> None:
        with self.held_by_another_process() as process:
            for _ in range(2):
                self.assertRaises(exception.Busy, self.hold(0.1).__enter__)
        self.assert_ended_well(process)
        with self.hold(0.2):
            pass

    def test_instances_do_not_exclude_each_other(self) -> None:
        with self.hold():
            self.folder = self.make_directory()
            with self.hold(0.2):
                pass

    def test_file(self) -> None:
        for mask in (0, 0o077):
            self.folder = self.make_directory()
            self.set_umask(mask)
            with self.hold():
                found = os.stat(self.folder.path_of('lock'))
            self.assertEqual(0o660, stat.S_IMODE(found.st_mode))
            self.assertEqual((self.folder.uid, self.folder.gid),
                             (found.st_uid, found.st_gid))

    def test_directory_is_gone(self) -> None:
        """It is not made again, and nobody works in one that was moved."""
        path = self.folder.path
        with self.hold():
            pass
        os.rename(path, f'{path}-moved')
        self.addCleanup(shutil.rmtree, f'{path}-moved', True)
        self.assertRaises(exception.DirectoryGone, self.hold(0.2).__enter__)
        shutil.rmtree(f'{path}-moved')
        self.assertRaises(exception.DirectoryGone, self.hold(0.2).__enter__)
        self.assertFalse(os.path.exists(path))

    def test_merges_are_held(self) -> None:
        self.assertFalse(locks.are_merges_held(self.folder))
        with locks.holding_merges(self.folder):
            with locks.holding_merges(self.folder):
                self.assertTrue(locks.are_merges_held(self.folder))
            self.assertTrue(locks.are_merges_held(self.folder))
        self.assertFalse(locks.are_merges_held(self.folder))

    def test_nobody_else_s_file(self) -> None:
        outside = self.write(self.make_directory(), 'outside')
        for make in (os.symlink, os.link):
            make(outside, self.folder.path_of('lock'))
            self.assertRaises(exception.UnsafeFile, self.hold().__enter__)
            os.unlink(self.folder.path_of('lock'))
        with open(outside, 'rb') as file:
            self.assertEqual(b'data', file.read())
