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


@contextlib.contextmanager
def instance(folder: directory.Directory, domain: str,
             timeout: int) -> Iterator[None]:
    """Hold the lock of the instance whose state folder that is.

    :param timeout: seconds to wait for another holder.
    :raises Busy: another holder has not let go by then.
    :raises UnsafeFile: the lock file is not a plain file of ours.
    """
    with contextlib.suppress(FileExistsError):
        os.close(folder.create(FILE, 0o660))
    folder.regular(FILE)
    path = folder.path_of(FILE)
    # POSIX locks belong to the process: threads need the internal one.
    threads: Any = lockutils.internal_lock(path)
    end = time.monotonic() + timeout
    if not threads.acquire(timeout=timeout):
        raise exception.Busy(domain=domain, path=path, seconds=timeout)
    try:
        lock = lockutils.external_lock(FILE, lock_path=folder.path)
        if not lock.acquire(blocking=True, delay=0.01, max_delay=0.1,
                            timeout=max(0.01, end - time.monotonic())):
            raise exception.Busy(domain=domain, path=path, seconds=timeout)
        try:
            yield
        finally:
            lock.release()
    finally:
        threads.release()
