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


"""The ledger: what is written is read again, all else begins anew."""

import json
import os
import stat

from snapdriver import exception
from snapdriver.nova import ledger
from snapdriver.nova import ledger_file
from tests.unit import base


def _full():
    return ledger.Ledger(
        paused=True,
        handles={'h': ledger.Handle(
            'server', 'who', 'project', 'then', 1.5, 2.5, {'p': 'later'},
            3.5, 4.5, 5.5, 6, True, True, 'image')},
        doomed={'d': ledger.Doomed('server', 1.0, None, 'why')},
        merge_after={'server': 9.0}, witnesses=['w'], confirmed=['h'],
        passes=ledger.Passes(1.0, 'ok', None, 4, ['u'], {'h': 'why'},
                             {'h': 'why'}, 1, 2, 3),
        beacon=ledger.Beacon('image', 'token', 'before', 1, 'writing',
                             'then', 'why'))


class TestLedger(base.TestCase):
    def test_round_trip(self):
        for one in (ledger.Ledger(), _full()):
            self.assertEqual(one, ledger.loads(ledger.dumps(one)))

    def test_every_strange_value(self):
        document = json.loads(ledger.dumps(_full()))
        for key in document:
            for value in (None, 'x', 7, [7], {'x': 7}, {'x': {}}):
                edited = dict(document, **{key: value})
                try:
                    ledger.loads(json.dumps(edited).encode())
                except ValueError:
                    continue
                self.assertEqual(('merge_after', {'x': 7}), (key, value))

    def test_no_ledger_at_all(self):
        for raw in (b'', b'{', b'[]', b'7', b'null', b'{}', b'\xff',
                    b'{"schema": 2}', b'{"schema": 1, "new": 1}'):
            self.assertRaises(ValueError, ledger.loads, raw)

    def test_one_from_before_there_were_beacons(self):
        document = json.loads(ledger.dumps(_full()))
        del document['beacon'], document['handles']['h']['beacon']
        found = ledger.loads(json.dumps(document).encode())
        self.assertEqual(ledger.Beacon(), found.beacon)
        self.assertEqual('', found.handles['h'].beacon)
        self.assertTrue(found.handles['h'].proven)

    def test_whole_seconds(self):
        raw = ledger.dumps(_full()).replace(b'9.0', b'9')
        self.assertEqual(_full(), ledger.loads(raw))

    def test_forget(self):
        one = _full()
        one.forget('h')
        one.forget('h')
        self.assertEqual(({}, []), (one.handles, one.confirmed))


class TestFile(base.TestCase):
    def setUp(self):
        super().setUp()
        self.root = self.make_path()
        self.file = ledger_file.LedgerFile(self.root)

    def mode(self, path):
        return stat.S_IMODE(os.stat(path).st_mode)

    def write_raw(self, data):
        with self.file.changing():
            pass
        with open(self.file.path, 'wb') as file:
            file.write(data)

    def test_none_yet(self):
        self.assertEqual(ledger.Ledger(), self.file.read())
        self.assertEqual([], os.listdir(self.root))

    def test_change(self):
        with self.file.changing() as found:
            found.paused = True
        self.assertTrue(self.file.read().paused)
        self.assertEqual(0o600, self.mode(self.file.path))
        self.assertEqual(0o700, self.mode(os.path.dirname(self.file.path)))
        self.assertEqual(base.OWNER, os.stat(self.file.path).st_uid)

    def test_an_error_changes_nothing(self):
        def fail():
            with self.file.changing() as found:
                found.paused = True
                raise RuntimeError

        self.assertRaises(RuntimeError, fail)
        self.assertFalse(self.file.read().paused)

    def test_broken_is_put_aside(self):
        self.write_raw(b'{"schema": 1,')
        self.assertRaises(exception.LedgerError, self.file.read)
        with self.file.changing() as found:
            self.assertEqual(ledger.Ledger(), found)
            found.paused = True
        self.assertTrue(self.file.read().paused)
        with open(self.file.path + '.broken', 'rb') as file:
            self.assertEqual(b'{"schema": 1,', file.read())

    def test_broken_is_not_put_aside_by_a_command(self):
        self.write_raw(b'x')
        changing = self.file.changing(must_be_read=True)
        self.assertRaises(exception.LedgerError, changing.__enter__)
        with open(self.file.path, 'rb') as file:
            self.assertEqual(b'x', file.read())

    def test_link(self):
        self.write_raw(b'x')
        os.rename(self.file.path, self.root + '/elsewhere')
        os.symlink(self.root + '/elsewhere', self.file.path)
        self.assertRaises(exception.LedgerError, self.file.read)

    def test_state_path_is_a_link(self):
        link = os.path.join(os.path.dirname(self.root), 'link')
        os.symlink(self.root, link)
        with ledger_file.LedgerFile(link).changing() as found:
            found.paused = True
        self.assertTrue(self.file.read().paused)

    def test_nowhere(self):
        file = ledger_file.LedgerFile('/nowhere/at/all')
        self.assertEqual(ledger.Ledger(), file.read())
        self.assertRaises(exception.LedgerError, file.changing().__enter__)
