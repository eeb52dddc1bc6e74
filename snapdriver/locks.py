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

"""One lock per instance, between threads and between processes.

Order: Nova's instance lock, then this one. It is held over short steps only,
never while bytes are copied, and with it held nothing waits for Nova.
"""

from collections.abc import Iterator
import contextlib
import fcntl
import os
import time
from typing import Any

from oslo_concurrency import lockutils

from snapdriver import directory
from snapdriver import exception

FILE = 'lock'
HOLD = 'hold'


class InstanceLock:
    """The lock of one instance.

    :param folder: the instance's state folder.
    :param domain: its name, for messages.
    :param timeout: seconds to wait for another holder.
    """

    def __init__(self, folder: directory.Directory, domain: str,
                 timeout: int) -> None:
        self._folder, self._domain, self._timeout = folder, domain, timeout
        self._holds = False

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Hold it.

        :raises Busy: another holder has not let go in time, or has deleted
            or moved the domain's directory.
        :raises UnsafeFile: the lock file is not a plain file of ours.
        """
        self._take()
        try:
            yield
        finally:
            self._release()

    @contextlib.contextmanager
    def let_go(self) -> Iterator[None]:
        """Within, others may hold it; only inside :meth:`held`.

        What was read before it must be read again after it.
        """
        self._release()
        try:
            yield
        finally:
            self._take()

    def _take(self) -> None:
        try:
            self._make_file()
        except (FileNotFoundError, exception.FileMissing) as error:
            raise self._gone() from error
        path = self._folder.path_of(FILE)
        # POSIX locks belong to the process: threads need the internal one.
        threads: Any = lockutils.internal_lock(path)
        end = time.monotonic() + self._timeout
        if not threads.acquire(timeout=self._timeout):
            raise self._busy(path)
        try:
            # Not by the path: it would make a directory that is gone again.
            file = lockutils.external_lock(
                FILE, lock_path=self._folder.path_of_itself)
            if not file.acquire(
                    blocking=True, delay=0.01, max_delay=0.1,
                    timeout=max(0.01, end - time.monotonic())):
                raise self._busy(path)
            if not self._folder.is_there():
                file.release()
                raise self._gone()
        except FileNotFoundError as error:
            threads.release()
            raise self._gone() from error
        except BaseException:
            threads.release()
            raise
        self._threads, self._file, self._holds = threads, file, True

    def _make_file(self) -> None:
        if self._folder.stat(FILE) is None:
            with contextlib.suppress(FileExistsError):
                os.close(self._folder.create(FILE, 0o660))
        self._folder.regular(FILE)

    def _release(self) -> None:
        if not self._holds:
            return  # another holder kept it after let_go()
        self._holds = False
        self._file.release()
        self._threads.release()

    def _busy(self, path: str) -> exception.Busy:
        return exception.Busy(domain=self._domain, path=path,
                              seconds=self._timeout)

    def _gone(self) -> exception.DirectoryGone:
        return exception.DirectoryGone(domain=self._domain,
                                       path=self._folder.path)


@contextlib.contextmanager
def holding_merges(folder: directory.Directory) -> Iterator[None]:
    """Within, no merge begins; whoever dies holds none any more.

    It may last, unlike the lock: Nova copies disks meanwhile, or starts QEMU.
    Several may do so at once.
    """
    with _hold_file(folder) as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        try:
            yield
        finally:
            # Closing alone would not do: a child may have it open, too.
            fcntl.flock(file, fcntl.LOCK_UN)


def are_merges_held(folder: directory.Directory) -> bool:
    with _hold_file(folder) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        fcntl.flock(file, fcntl.LOCK_UN)
        return False


@contextlib.contextmanager
def _hold_file(folder: directory.Directory) -> Iterator[int]:
    if folder.stat(HOLD) is None:
        with contextlib.suppress(FileExistsError):
            os.close(folder.create(HOLD, 0o660))
    with folder.opened(HOLD) as file:
        yield file
