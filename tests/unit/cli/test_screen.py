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

"""What a stream can show."""

import fcntl
import io
import os
import struct
import termios

from snapdriver.cli import screen
from tests.unit import base


class TestScreen(base.TestCase):
    def terminal(self, columns):
        """A real one."""
        controlling, terminal = os.openpty()
        self.addCleanup(os.close, controlling)
        fcntl.ioctl(terminal, termios.TIOCSWINSZ,
                    struct.pack('HHHH', 24, columns, 0, 0))
        stream = open(terminal, 'w', encoding='utf-8')
        self.addCleanup(stream.close)
        return stream

    def test_terminals(self):
        for environment, colours in (
                ({'TERM': 'xterm'}, True), ({}, True),
                ({'TERM': 'dumb'}, False), ({'NO_COLOR': '1'}, False),
                ({'NO_COLOR': ''}, True)):
            self.assertEqual(
                screen.Screen('utf-8', 57, colours),
                screen.of(self.terminal(57), environment=environment))
        self.assertEqual(30, screen.of(self.terminal(57), 30).width)
        self.assertEqual(0, screen.of(self.terminal(0)).width)

    def test_files_and_pipes(self):
        stream = io.TextIOWrapper(io.BytesIO(), encoding='latin-1')
        self.assertEqual(screen.Screen('latin-1'), screen.of(stream))
        self.assertEqual(screen.Screen('latin-1', 70), screen.of(stream, 70))
        self.assertEqual(screen.Screen(), screen.of(io.StringIO(), -1))

    def test_a_terminal_without_a_descriptor(self):
        class Terminal(io.StringIO):
            def isatty(self):
                return True

        self.assertEqual(0, screen.of(Terminal()).width)
