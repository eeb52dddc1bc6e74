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


"""Passes of the reaper over what is in memory."""

import fixtures
from oslo_log import log as logging

from snapdriver.nova import ledger_file
from snapdriver.nova import passes
from tests.unit import base
from tests.unit.nova import fakes

SERVER = fakes.SERVER


class ReaperTestCase(base.TestCase):
    def setUp(self):
        super().setUp()
        self.log = self.useFixture(fixtures.FakeLogger(level=logging.DEBUG))
        self.clock = fakes.Clock()
        self.glance = fakes.Glance()
        self.engine = fakes.Engine()
        self.servers = fakes.Servers()
        self.state_path = self.make_path()
        self.file = ledger_file.LedgerFile(self.state_path)
        self.passes = self.make_passes()

    def make_passes(self):
        """As after a start of nova-compute."""
        return passes.Passes(self.engine, self.file, self.servers,
                             self.glance.connect, self.clock)

    def make_handle(self, image_id='h', server=SERVER, **image):
        """A handle, made and seen as the driver does it."""
        self.glance.add(image_id, **image)
        self.engine.add(server, image_id, created_at=self.clock.now)
        self.assertTrue(self.passes.saw(server, image_id))

    def run_passes(self, count=1, each=fakes.INTERVAL):
        for _ in range(count):
            self.clock.now += each
            self.passes.run()

    def run_grace(self):
        """Passes over one grace, and a little longer."""
        self.run_passes(fakes.GRACE // fakes.INTERVAL + 2)

    @property
    def ledger(self):
        return self.file.read()

    def assert_kept(self, *ids, server=SERVER):
        """Even after a long time, nothing was deleted."""
        for _ in range(3):
            self.run_grace()
        self.assertEqual(sorted(ids), self.engine.ids(server))
        self.engine.manager.delete.assert_not_called()

    def assert_reaped(self, *left, server=SERVER):
        self.assertEqual(sorted(left), self.engine.ids(server))


class RulesTestCase(ReaperTestCase):
    """Handle h, and an image of another project that was changed later."""

    def setUp(self):
        super().setUp()
        self.make_handle('h')
        self.glance.add('w', owner='another')
        self.run_passes()

    def delete(self, *ids):
        for image_id in ids:
            del self.glance.images[image_id]
