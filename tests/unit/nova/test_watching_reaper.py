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

"""The reaper says what it deletes, and whether that has failed."""

from snapdriver import exception
from snapdriver.nova.watching import verbs
from tests.unit.nova import base


class TestReaper(base.RulesTestCase):
    def setUp(self):
        super().setUp()
        self.addCleanup(verbs.watch, [], lambda server, ids: [])
        self.told = []
        verbs.watch(
            [lambda work, phase: self.told.append(
                (work.verb, phase, work.server,
                 [each.id for each in work.snapshots]))],
            lambda server, ids: verbs.about(self.engine.state(server), ids))

    def test_a_deleted_handle(self):
        self.delete('h')
        self.run_grace()
        self.assertEqual([('reap', 'start', base.SERVER, ['h']),
                          ('reap', 'end', base.SERVER, ['h'])], self.told)

    def test_a_failure(self):
        self.engine.manager.delete.side_effect = exception.NoSpace(path='/')
        self.delete('h')
        self.run_grace()
        self.assertEqual(['start', 'error'],
                         [phase for _, phase, *_ in self.told][:2])

    def test_nothing_is_left_to_delete(self):
        self.delete('h')
        self.run_passes(5)
        self.engine._delete(base.SERVER, ['h'])
        self.run_grace()
        self.assertEqual([], self.told)
