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


import os

from snapdriver.nova import ledger as ledgers
from snapdriver.nova import ledger_file
from tests.unit.cli import base

SERVER = base.UUID


class TestReaper(base.TestCase):
    def setUp(self):
        super().setUp()
        self.state_path = self.make_path()
        self.file = ledger_file.LedgerFile(self.state_path)

    def arguments(self, verb, *more):
        return 'reaper', verb, '--state-path', self.state_path, *more

    def write_ledger(self, *unconfirmed):
        with self.file.changing() as ledger:
            for image_id in unconfirmed:
                ledger.handles[image_id] = ledgers.Handle(
                    SERVER, 'who', 'project', 'then', 1.0, 1.0,
                    vanished_at=2.0)
                ledger.passes.unconfirmed[image_id] = 'too many'

    def test_status_without_ledger(self):
        found = self.run_json(*self.arguments('status'))
        self.assertEqual((False, 0, None, []), (
            found['paused'], found['handles'], found['last_pass'],
            found['unconfirmed']))
        self.assertEqual([], os.listdir(self.state_path))

    def test_status(self):
        self.write_ledger()
        with self.file.changing() as ledger:
            ledger.passes.last_at = ledger.passes.last_success_at = 0.0
            ledger.passes.waiting = {'h': 'not yet'}
            ledger.doomed['d'] = ledgers.Doomed(SERVER, 0.0)
            ledger.merge_after[SERVER] = 0.0
        found = self.run_json(*self.arguments('status'))
        self.assertEqual('1970-01-01T00:00:00+00:00', found['last_pass'])
        self.assertEqual({'h': 'not yet'}, found['waiting'])
        self.assertEqual({'d': 'not tried yet'}, found['doomed'])
        self.assertEqual([SERVER], list(found['merge_after']))
        code, out, _ = self.run_command(*self.arguments('status'))
        self.assertEqual(0, code)
        self.assertIn('| waiting          | h: not yet', out)

    def test_status_of_the_beacon(self):
        for beacon, told in (
                (ledgers.Beacon(), {'none': 'no handle has needed it yet'}),
                (ledgers.Beacon(image='b', writing='t', error='403'),
                 {'none': '403'}),
                (ledgers.Beacon(image='b', token='t', written_at='then'),
                 {'image': 'b', 'written': 'then'}),
                (ledgers.Beacon(image='b', token='t', written_at='then',
                                error='no answer'),
                 {'image': 'b', 'written': 'then', 'problem': 'no answer'})):
            with self.file.changing() as ledger:
                ledger.beacon = beacon
            found = self.run_json(*self.arguments('status'))
            self.assertEqual(told, found['beacon'])

    def test_status_tells_what_is_wrong(self):
        self.write_ledger('h')
        code, out, _ = self.run_command(*self.arguments('status'))
        self.assertEqual(1, code)
        self.assertIn('| unconfirmed      | h ', out)
        with self.file.changing() as ledger:
            ledger.passes = ledgers.Passes(last_at=5.0, last_result='down')
        self.assertEqual(1, self.run_command(*self.arguments('status'))[0])

    def test_pause_and_resume(self):
        for verb, paused in (('pause', True), ('resume', False)) * 2:
            self.assertEqual({'paused': paused},
                             self.run_json(*self.arguments(verb)))
            self.assertEqual(paused, self.file.read().paused)

    def test_confirm(self):
        self.write_ledger('a', 'b')
        self.assertEqual(
            [{'image': i, 'server': SERVER, 'why': 'too many'} for i in 'ab'],
            self.run_json(*self.arguments('confirm')))
        self.assertEqual(['a', 'b'], self.file.read().confirmed)
        code, out, _ = self.run_command(
            *self.arguments('confirm', '-f', 'json'))
        self.assertEqual((1, '[]\n'), (code, out))

    def test_confirm_some(self):
        self.write_ledger('a', 'b')
        self.run_json(*self.arguments('confirm', 'b', 'b'))
        self.assertEqual(['b'], self.file.read().confirmed)
        self.assert_error(2, 'b needs no confirmation',
                          *self.arguments('confirm', 'a', 'b'))
        self.assertEqual(['b'], self.file.read().confirmed)

    def test_broken_ledger(self):
        self.write_ledger()
        with self.file.changing() as ledger:
            ledger.paused = True
        with open(self.file.path, 'w') as file:
            file.write('{')
        for verb in ('status', 'pause', 'confirm'):
            self.assert_error(1, 'cannot be used', *self.arguments(verb))

    def test_state_path_of_a_configuration(self):
        self.write_ledger()
        with self.file.changing() as ledger:
            ledger.paused = True
        path = self.state_path + '.conf'
        with open(path, 'w') as file:
            file.write(f'[DEFAULT]\nstate_path = {self.state_path}\n')
        for _ in range(2):
            self.assertTrue(self.run_json(
                '--config-file', path, 'reaper', 'status')['paused'])
