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
import os
import time
from typing import Any

from oslo_concurrency import lockutils

from snapdriver import directory
from snapdriver import exception

FILE = 'lock'


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

        :raises Busy: another holder has not let go in time.
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
        with contextlib.suppress(FileExistsError):
            os.close(self._folder.create(FILE, 0o660))
        self._folder.regular(FILE)
        path = self._folder.path_of(FILE)
        # POSIX locks belong to the process: threads need the internal one.
        threads: Any = lockutils.internal_lock(path)
        end = time.monotonic() + self._timeout
        if not threads.acquire(timeout=self._timeout):
            raise self._busy(path)
        self._threads = threads
        self._file = lockutils.external_lock(
            FILE, lock_path=self._folder.path)
        if not self._file.acquire(
                blocking=True, delay=0.01, max_delay=0.1,
                timeout=max(0.01, end - time.monotonic())):
            threads.release()
            raise self._busy(path)
        self._holds = True

    def _release(self) -> None:
        if not self._holds:
            return  # another holder kept it after let_go()
        self._holds = False
        self._file.release()
        self._threads.release()

    def _busy(self, path: str) -> exception.Busy:
        return exception.Busy(domain=self._domain, path=path,
                              seconds=self._timeout)
