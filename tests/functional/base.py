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

"""The base class of the functional tests."""

import fcntl
import functools
import getpass
import threading
from typing import ClassVar

import fixtures
import libvirt
import testtools

from tests.functional import host


@functools.cache
def _start_event_loop() -> None:
    """Have libvirt's events, and its keepalive, served from now on."""
    libvirt.virEventRegisterDefaultImpl()
    threading.Thread(target=_serve_events, daemon=True).start()


def _serve_events() -> None:
    while True:
        libvirt.virEventRunDefaultImpl()


class FunctionalTest(testtools.TestCase):
    """A test against the libvirtd and the QEMUs of ``tools/sandbox``.

    Tests run two at a time, as the user that owns the instances.
    """

    #: Whether no other test may run meanwhile, as this one restarts libvirtd
    #: or measures time.
    exclusive: ClassVar[bool] = False
    #: Seconds that a test may take.
    timeout: ClassVar[int] = 180

    def setUp(self) -> None:
        super().setUp()
        if not host.OWNER:
            self.skipTest('needs a libvirtd of its own: run it by tools/test')
        if getpass.getuser() != host.OWNER:
            self.skipTest(f'must run as {host.OWNER}: see tools/sandbox')
        self._conn: libvirt.virConnect | None = None
        self._wait_for_turn()
        self.useFixture(fixtures.Timeout(self.timeout, gentle=True))
        libvirt.registerErrorHandler(lambda *_: None, None)
        _start_event_loop()
        if self.exclusive:
            self.addCleanup(host.start_libvirtd)

    @property
    def conn(self) -> libvirt.virConnect:
        """A connection, made again if libvirtd was restarted."""
        if self._conn is None or not self._conn.isAlive():
            self._conn = libvirt.open(host.URI)
            self.addCleanup(self._close)
        return self._conn

    def _close(self) -> None:
        """Close the connection; a later cleanup opens another."""
        connection, self._conn = self._conn, None
        if connection is not None:
            connection.close()

    def _wait_for_turn(self) -> None:
        turn = open(host.ROOT / 'home' / 'turn', 'w')  # closed by cleanup
        self.addCleanup(turn.close)
        # In a queue: flock lets whoever shares go before one who waits to be
        # alone, who would wait for as long as there are others.
        with open(host.ROOT / 'home' / 'queue', 'w') as queue:
            fcntl.flock(queue, fcntl.LOCK_EX)
            fcntl.flock(turn,
                        fcntl.LOCK_EX if self.exclusive else fcntl.LOCK_SH)
