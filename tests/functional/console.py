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

"""A guest's serial port."""

import dataclasses
import pathlib
import re
import selectors
import socket
import struct
import threading
import time


@dataclasses.dataclass(frozen=True)
class Line:
    """A line that a guest wrote, and when it came."""

    time: float  # time.monotonic()
    qemu: int  # the QEMU process it came from
    text: str


class Console:
    """Listen for QEMU, which connects at each start, and keep what it says.

    A revert may put another QEMU in the place of the first; it will connect
    to the same listener. Every line tells the process that it came from, so
    that nobody takes an earlier guest's word for the present one's.
    """

    def __init__(self, path: pathlib.Path) -> None:
        self.path = path
        self.lines: list[Line] = []
        self._qemu: int | None = None
        self._peer: socket.socket | None = None
        self._partial: dict[socket.socket, bytes] = {}
        self._changed = threading.Condition()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        path.chmod(0o777)  # QEMU is another user
        self._listener.listen()
        self._stop, self._stopped = socket.socketpair()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Listen no longer."""
        self._stop.close()
        self._thread.join()
        self.path.unlink(missing_ok=True)

    def send(self, text: str) -> int:
        """Send a line; return the place from which to look for an answer."""
        with self._changed:
            if self._peer is None:
                raise AssertionError(f'no QEMU is connected to {self.path}')
            self._peer.sendall(text.encode() + b'\n')
            return len(self.lines)

    def wait_connected(self, qemu: int | None, timeout: float = 10) -> None:
        """Wait until a QEMU, or none any more, is at the other end."""
        with self._changed:
            if not self._changed.wait_for(
                lambda: self._qemu == qemu, timeout
            ):
                raise AssertionError(
                    f'connected to {self._qemu} instead of QEMU {qemu}'
                )

    def said(self, qemu: int | None, since: int = 0) -> list[Line]:
        """Tell what a QEMU, or any, has said since a place."""
        with self._changed:
            return [
                line
                for line in self.lines[since:]
                if qemu is None or line.qemu == qemu
            ]

    def wait_for(
        self, pattern: str, qemu: int | None, timeout: float, since: int = 0
    ) -> re.Match[str]:
        """Wait for a line that matches, or take the first that did."""
        found: re.Match[str] | None = None
        seen = since

        def look() -> bool:
            nonlocal found, seen
            for line in self.lines[seen:]:
                if qemu is None or line.qemu == qemu:
                    found = found or re.search(pattern, line.text)
            seen = len(self.lines)
            return found is not None

        with self._changed:
            self._changed.wait_for(look, timeout)
        if found is None:
            last = [line.text for line in self.said(None)[-10:]]
            raise AssertionError(
                f'no {pattern!r} within {timeout} s; last lines: {last}'
            )
        return found

    def text(self) -> str:
        """All that was said, for a failed test's details."""
        with self._changed:
            return '\n'.join(
                f'{line.time:.3f} {line.qemu} {line.text}'
                for line in self.lines
            )

    def _serve(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._stopped, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    if key.fileobj is self._stopped:
                        self._hang_up()
                        return
                    if key.fileobj is self._listener:
                        self._accept(selector)
                    elif isinstance(key.fileobj, socket.socket):
                        self._receive(selector, key.fileobj, key.data)

    def _accept(self, selector: selectors.BaseSelector) -> None:
        peer, _ = self._listener.accept()
        credentials = peer.getsockopt(
            socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize('3i')
        )
        qemu = struct.unpack('3i', credentials)[0]
        selector.register(peer, selectors.EVENT_READ, qemu)
        with self._changed:
            self._partial[peer] = b''
            self._peer = peer
            self._qemu = qemu
            self._changed.notify_all()

    def _receive(
        self, selector: selectors.BaseSelector, peer: socket.socket, qemu: int
    ) -> None:
        try:
            data = peer.recv(65536)
        except ConnectionResetError:
            data = b''
        now = time.monotonic()
        with self._changed:
            if data:
                *lines, rest = (self._partial[peer] + data).split(b'\n')
                self._partial[peer] = rest
                self.lines += [
                    Line(now, qemu, line.decode('latin1').strip())
                    for line in lines
                ]
            else:
                selector.unregister(peer)
                del self._partial[peer]
                peer.close()
                if peer is self._peer:
                    self._peer = self._qemu = None
            self._changed.notify_all()

    def _hang_up(self) -> None:
        for end in (self._listener, self._stopped, *self._partial):
            end.close()
