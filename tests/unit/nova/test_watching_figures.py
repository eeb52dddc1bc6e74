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

"""What is counted: on real state files and real bytes."""

import os
import shutil

from snapdriver import model
from snapdriver.nova import ledger_file
from snapdriver.nova.watching import figures
from tests.unit import samples
from tests.unit.nova import instances

BLOCK = instances.BLOCK
OTHER = samples.UUID.replace('1', '2')


class FiguresTestCase(instances.InstancesTestCase):
    def setUp(self):
        super().setUp()
        self.file = ledger_file.LedgerFile(self.make_path())

    def gather(self):
        return figures.gather(self.engine, self.file)

    def one(self, state, **blocks):
        self.save(state, **blocks)
        found, = self.gather().servers
        return found


class TestServer(FiguresTestCase):
    def test_nothing(self):
        found = self.gather()
        self.assertEqual(([], {}), (found.servers, found.unreadable))
        self.assertEqual(0, found.ledger.passes.handles)

    def test_all_of_it(self):
        found = self.one(samples.state(), **{
            samples.A: 2, samples.B: 3, samples.C: 100, samples.E0: 5,
            samples.E1: 100})
        self.assertEqual({'external': 1, 'internal': 1}, found.snapshots)
        # The second names its eph0 wholly, and by a tag its disk.
        self.assertEqual({'external': 2 * BLOCK, 'internal': 8 * BLOCK},
                         found.bytes)
        self.assertEqual({'disk': 3, 'disk.eph0': 2}, found.depth)
        self.assertEqual(0, found.hidden)
        self.assertEqual([('commit', 1700000004.0), ('create', 1700000003.0)],
                         [(each.verb, each.since)
                          for each in found.unfinished])

    def test_hidden_layers(self):
        found = self.one(samples.state(
            snapshots=samples.snapshots(samples.snapshot(
                samples.S1, disk=samples.A)), current=samples.S1))
        self.assertEqual(2, found.hidden)
        self.assertEqual({'external': BLOCK, figures.HIDDEN: 2 * BLOCK},
                         found.bytes)

    def test_a_layer_is_counted_once(self):
        found = self.one(samples.state(
            snapshots=samples.snapshots(
                samples.snapshot(samples.S1, disk=samples.A),
                samples.snapshot(samples.S2, disk=samples.A))))
        self.assertEqual(BLOCK, found.bytes['external'])
        self.assertEqual(2, found.snapshots['external'])

    def test_a_layer_that_both_kinds_name_is_the_external_ones(self):
        state = samples.state()
        found = self.one(samples.state(snapshots=dict(state.snapshots) | (
            samples.snapshots(samples.snapshot(
                samples.JOB, parent=samples.S1, disk=samples.B)))),
            **{samples.B: 3, samples.E0: 5})
        self.assertEqual({'external': 4 * BLOCK, 'internal': 5 * BLOCK},
                         found.bytes)

    def test_a_tag_in_the_active_layer(self):
        tagged = model.Snapshot(
            id=samples.S1, name='tagged', kind='internal', state='shutoff',
            parent=None, created_at=1.0, frozen_at=1.0,
            consistency=model.Consistency.OFFLINE,
            disks={'disk': model.Point(samples.C, 1 << 30, tag='t')})
        found = self.one(samples.state(
            layers=samples.layers(samples.layer(samples.C)),
            disks={'disk': samples.disk(samples.C)},
            snapshots=samples.snapshots(tagged), current=None),
            **{samples.C: 7})
        self.assertEqual({'internal': 7 * BLOCK}, found.bytes)

    def test_a_file_is_gone(self):
        self.save(samples.state())
        os.unlink(os.path.join(self.engine.path(samples.UUID),
                               f'disk.layer-{samples.A}'))
        self.assertEqual(0, self.gather().servers[0].bytes['external'])


class TestHost(FiguresTestCase):
    def test_another_hosts(self):
        self.save(samples.state(host='two'))
        self.assertEqual([], self.gather().servers)

    def test_one_that_cannot_be_read(self):
        self.save(samples.state())
        self.save(samples.state(uuid=OTHER))
        self.spoil(OTHER)
        found = self.gather()
        self.assertEqual([samples.UUID], [s.uuid for s in found.servers])
        self.assertIn('state.json', found.unreadable[OTHER])

    def test_the_state_of_another(self):
        self.save(samples.state())
        shutil.copytree(self.engine.path(samples.UUID),
                        self.engine.path(OTHER))
        self.assertIn(samples.UUID, self.gather().unreadable[OTHER])

    def test_others_get_their_turn(self):
        self.save(samples.state())
        turns = []
        figures.gather(self.engine, self.file, lambda: turns.append(1))
        self.assertEqual([1], turns)

    def test_the_ledger(self):
        with self.file.changing() as ledger:
            ledger.passes.handles = 3
        self.assertEqual(3, self.gather().ledger.passes.handles)
        with open(self.file.path, 'w') as file:
            file.write('{')
        self.assertIsNone(self.gather().ledger)
