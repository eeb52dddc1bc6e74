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

"""The number that a guest writes and tells, and when it told it."""

import contextlib
import itertools
import os
import pathlib
import re
import statistics
import threading
import time
from typing import Self

from tests.openstack import host
from tests.openstack import server as servers

#: How often the guest writes, in ms, and how often we look, in seconds.
TICK = 10
_LOOK = 0.005
#: How many numbers tell what is usual.
_USUAL = 100
_LINE = re.compile(rb'^(T|FOUND vda) ', re.MULTILINE)


class Counter(contextlib.AbstractContextManager['Counter']):
    """Looks at a server's console all the time.

    What virtlogd writes is seen some milliseconds after the guest has told
    it: with either driver.
    """

    def __init__(self, server: servers.Server) -> None:
        self._server = server
        self._path: pathlib.Path = host.INSTANCES / server.id / 'console.log'
        self._file = (0, 0)  # inode, and how much of it was read
        self._partial = b''
        self._ticks: list[float] = []  # time.monotonic() of each
        self._boots: list[float] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        with contextlib.suppress(FileNotFoundError):
            found = os.stat(self._path)
            self._file = found.st_ino, found.st_size
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def hurry(self) -> None:
        """Lets the guest count fast, until it boots again."""
        self._server.say(f'tickms {TICK}', f'TICKMS {TICK}')
        self._wait(len(self._ticks) + 2 * _USUAL)

    def worst(self, start: float, end: float) -> float:
        """The guest's longest pause then, in ms, above what is usual.

        At least the time between two looks.
        """
        while not self._ticks or self._ticks[-1] <= end:
            self._wait(len(self._ticks) + 1)
        ticks = list(self._ticks)
        if any(start <= boot <= ticks[-1] for boot in self._boots):
            raise AssertionError(f'{self._server.id} has booted')
        first = next(at for at, tick in enumerate(ticks) if tick > start) - 1
        last = next(at for at, tick in enumerate(ticks) if tick > end)
        usual = statistics.median(_distances(
            ticks[max(first - _USUAL, 0):first + 1]))
        longest = max(_distances(ticks[first:last + 1]))
        return max(longest - usual, _LOOK) * 1000

    def counts_again(self, start: float) -> float:
        """When it told its first number after its first boot since then."""
        end = time.monotonic() + host.PATIENCE
        while True:
            boot = next((it for it in self._boots if it > start), None)
            # Both can have been read at once.
            tick = None if boot is None else next(
                (it for it in self._ticks if it >= boot), None)
            if tick is not None:
                return tick
            if time.monotonic() > end:
                raise AssertionError(f'{self._server.id} does not count')
            time.sleep(_LOOK)

    def _wait(self, count: int) -> None:
        end = time.monotonic() + host.PATIENCE
        while len(self._ticks) < count:
            if time.monotonic() > end:
                raise AssertionError(f'{self._server.id} does not count on')
            time.sleep(_LOOK)

    def _watch(self) -> None:
        while not self._stop.wait(_LOOK):
            with contextlib.suppress(FileNotFoundError):
                self._look()

    def _look(self) -> None:
        with open(self._path, 'rb') as file:
            found = os.fstat(file.fileno())
            inode, read = self._file
            # It is written anew when the domain is started.
            if found.st_ino != inode or found.st_size < read:
                read, self._partial = 0, b''
            file.seek(read)
            new = file.read()
        now = time.monotonic()
        self._file = found.st_ino, read + len(new)
        text, _, self._partial = (
            self._partial + new).replace(b'\r', b'').rpartition(b'\n')
        for line in _LINE.findall(text):
            (self._ticks if line == b'T' else self._boots).append(now)


def _distances(times: list[float]) -> list[float]:
    return [later - earlier for earlier, later in itertools.pairwise(times)]
