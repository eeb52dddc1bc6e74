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

"""The section of the Guru Meditation Report."""

from snapdriver.nova import ledger as ledgers
from snapdriver.nova.watching import figures
from snapdriver.nova.watching import report
from snapdriver.nova.watching import verbs
from tests.unit import base

SERVER = figures.Server(
    'server-a', {'internal': 1, 'external': 2}, {'external': 4096},
    {'disk': 4}, 1, [figures.Unfinished('create', 0.0)])


class TestReport(base.TestCase):
    def text(self, servers=(), unreadable=None, running=(), ledger=None):
        return report.text(figures.Figures(
            servers, unreadable or {}, ledger), running)

    def test_servers(self):
        self.assertIn('''\
1 servers have local snapshots, or had some

server-a
  snapshots: external 2, internal 1
  bytes: external 4096
  layers: disk 4, hidden 1
  unfinished: create since 1970-01-01T00:00:00+00:00
''', self.text([SERVER]))

    def test_unreadable(self):
        self.assertIn('server-b\n  unreadable: it is cut off\n', self.text(
            unreadable={'server-b': 'it is cut off'}))

    def test_in_progress(self):
        self.assertIn('In progress in this process: nothing\n', self.text())
        work = verbs.Work(verbs.Verb.REVERT, 'server-a', [
            verbs.About('s')], None, None, 0.0)
        self.assertIn('''\
In progress in this process: 1
  revert of s of server-a since 1970-01-01T00:00:00+00:00
''', self.text(running=[work]))

    def test_reaper(self):
        ledger = ledgers.Ledger(paused=True)
        ledger.passes.last_at, ledger.passes.handles = 0.0, 3
        ledger.passes.waiting = {'h': 'it has not been missing'}
        self.assertIn('''\
Reaper: paused
  last pass: 1970-01-01T00:00:00+00:00: there was none yet
  last success: never
  handles: 3, not reapable 0, doomed 0
  waiting: h: it has not been missing
''', self.text(ledger=ledger))

    def test_no_ledger(self):
        self.assertIn('Reaper: its ledger cannot be read', self.text())
