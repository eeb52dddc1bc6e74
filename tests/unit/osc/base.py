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

"""The commands, run on a Nova and a Glance in memory."""

import io
import types
from unittest import mock

import fixtures
from osc_lib import exceptions
import testtools

from snapdriver.osc import handle
from snapdriver.osc import progress
from tests.unit.osc import fakes


class Terminal(io.StringIO):
    """What somebody looks at, and answers on."""

    def isatty(self):
        return True


class OscTestCase(testtools.TestCase):
    def setUp(self):
        super().setUp()
        self.useFixture(fixtures.FakeLogger())
        # argparse writes there.
        self.useFixture(fixtures.MonkeyPatch('sys.stderr', io.StringIO()))
        self.connection = fakes.Connection()
        self.images = self.connection.image
        self.compute = self.connection.compute
        for target, name, double in (
                (handle.Handle, 'list', self._list),
                (progress, '_SECONDS', 0)):
            patcher = mock.patch.object(target, name, double)
            patcher.start()
            self.addCleanup(patcher.stop)
        self.stdin = io.StringIO()
        self.stdout, self.stderr = io.StringIO(), io.StringIO()

    def _list(self, images, **query):
        return images.list(**query)

    def run_command(self, command, *words):
        """Run it; returns what it wrote to stdout."""
        app = types.SimpleNamespace(
            stdin=self.stdin, stdout=self.stdout, stderr=self.stderr,
            client_manager=types.SimpleNamespace(
                sdk_connection=self.connection))
        found = command(app, None)
        parser = found.get_parser('x')
        self.stdout.truncate(self.stdout.seek(0))
        found.run(parser.parse_args(words))
        return self.stdout.getvalue()

    def assert_fails(self, why, command, *words):
        error = self.assertRaises(exceptions.CommandError,
                                  self.run_command, command, *words)
        self.assertIn(why, str(error))
        return str(error)
