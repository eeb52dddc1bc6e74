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


"""Merging what is left behind, and the threads."""

import threading
import time
from unittest import mock

import fixtures

from snapdriver import exception
from snapdriver.nova import loop
from snapdriver.nova import merger
from tests.unit import base as unit_base
from tests.unit.nova import base

SERVER = base.SERVER


class TestMerger(base.ReaperTestCase):
    def setUp(self):
        super().setUp()
        self.mergeable = self.useFixture(fixtures.MockPatchObject(
            merger.merges, 'mergeable', return_value=['a'])).mock
        self.engine.add(SERVER, 'h')
        self.merge = self.engine.manager.merge
        self.merger = merger.Merger(
            self.engine, self.file, self.servers, self.clock)

    def change(self, **values):
        with self.file.changing() as ledger:
            for key, value in values.items():
                setattr(ledger, key, value)

    def test_merged(self):
        self.merger.run()
        self.merge.assert_called_once_with(SERVER, bandwidth=7)
        self.assertEqual(1, self.ledger.passes.merged)

    def test_nothing_to_merge(self):
        self.mergeable.return_value = []
        self.merger.run()
        self.merge.assert_not_called()

    def test_its_time_has_not_come(self):
        self.change(merge_after={SERVER: self.clock.now + 1})
        self.merger.run()
        self.merge.assert_not_called()
        self.clock.now += 1
        self.merger.run()
        self.merge.assert_called_once()
        self.assertEqual({}, self.ledger.merge_after)

    def test_only_in_quiet_hours(self):
        here = time.localtime(self.clock.now)
        hour = f'{here.tm_hour:02}:00-{(here.tm_hour + 1) % 24:02}:00'
        other = f'{(here.tm_hour + 2) % 24:02}:00-{here.tm_hour:02}:00'
        self.engine.options.merge_hours = other
        self.merger.run()
        self.merge.assert_not_called()
        self.engine.options.merge_hours = hour
        self.merger.run()
        self.merge.assert_called_once()

    def test_paused(self):
        self.change(paused=True)
        self.merger.run()
        self.merge.assert_not_called()

    def test_busy(self):
        self.servers.refusals[SERVER] = 'its task state is resizing'
        self.merger.run()
        self.merge.assert_not_called()

    def test_one_fails_and_others_do_not(self):
        self.engine.add('another', 'i')
        for error in (exception.Refused('merge', 'web', ['not now']),
                      exception.Busy(domain='web', path='x', seconds=1),
                      RuntimeError('bug')):
            self.merge.reset_mock()
            self.merge.side_effect = error
            self.merger.run()
            self.assertEqual(2, self.merge.call_count)
        self.engine.broken.add(SERVER)
        self.merger.run()


class TestLoop(unit_base.TestCase):
    def make(self, act, delay=0.0, interval=0.0):
        made = loop.Loop('test', act, delay, interval)
        self.addCleanup(made.stop)
        return made

    def test_again_and_again_whatever_happens(self):
        self.useFixture(fixtures.FakeLogger())
        times, thrice = [], threading.Event()

        def act():
            times.append(1)
            if len(times) == 3:
                thrice.set()
            raise RuntimeError('it fails')

        self.make(act).start()
        self.assertTrue(thrice.wait(10))

    def test_hurry(self):
        done = threading.Event()
        made = self.make(done.set, delay=1000)
        made.hurry()  # not begun yet
        made.start()
        made.start()
        made.hurry()
        self.assertTrue(done.wait(10))

    def test_stop(self):
        act = mock.Mock()
        made = self.make(act, delay=1000)
        made.start()
        thread = next(t for t in threading.enumerate() if t.name == 'test')
        made.stop()
        thread.join(10)
        self.assertFalse(thread.is_alive())
        act.assert_not_called()

    def test_nothing_is_made_before(self):
        self.assertIsNone(self.make(mock.Mock())._wake)
