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

"""The state file: what is written is read again, all else is refused."""

from collections.abc import Callable
from collections.abc import Iterator
import dataclasses
import json
import os
import threading
from typing import Any
from unittest import mock

import testtools

from snapdriver import exception
from snapdriver import model
from snapdriver import state
from tests.unit import base
from tests.unit import samples

Document = dict[str, Any]

# What a field may be edited to.
_STRANGE: tuple[Any, ...] = (
    None, True, False, 0, -1, 1 << 70, 10 ** 400, 0.5, -1.0, 1e300,
    float('inf'), float('nan'), '', 'x', '.', '..', '../x', '/etc/passwd',
    'a/b', 'a\0b', 'a\nb', '\ud800', 'x' * 300, [], [None], [[]], {},
    {'x': None}, {'': {}}, {'../x': {}}, samples.UUID)


_PRISTINE = state.dumps(samples.state())


def _document() -> Document:
    found: Document = json.loads(_PRISTINE)
    return found


def _raw(document: Any) -> bytes:
    return json.dumps(document).encode()


def _places(node: Any) -> Iterator[tuple[Any, Any]]:
    """(container, key) of everything in a document."""
    keys: Any = ()
    if isinstance(node, dict):
        keys = list(node)
    elif isinstance(node, list):
        keys = range(len(node))
    for key in keys:
        yield node, key
        yield from _places(node[key])


class RoundTripTest(testtools.TestCase):
    def test_everything(self) -> None:
        found = samples.state()
        for field in dataclasses.fields(model.State):
            # The sample leaves no field of the model at its default.
            self.assertNotIn(getattr(found, field.name),
                             (None, {}, 0, ''), field.name)
        self.assertEqual(found, state.loads(state.dumps(found)))

    def test_nothing(self) -> None:
        empty = model.State(uuid=samples.UUID, name='web', host='one')
        self.assertEqual(empty, state.loads(state.dumps(empty)))

    def test_types_survive(self) -> None:
        found = state.loads(state.dumps(samples.state()))
        snapshot = found.snapshots[samples.S2]
        self.assertIs(model.Consistency.MEMORY, snapshot.consistency)
        self.assertIsInstance(snapshot.disks['disk'], model.Point)
        self.assertIsInstance(found.operation, model.Operation)
        self.assertIsInstance(found.jobs[samples.JOB], model.Job)

    def test_a_snapshot_in_an_operation(self) -> None:
        snapshot = samples.state().snapshots[samples.S2]
        plain = json.loads(json.dumps(state.to_plain(snapshot)))
        self.assertEqual(snapshot, state.to_snapshot(plain))

    def test_the_file_says_its_schema(self) -> None:
        self.assertEqual(state.SCHEMA, _document()['schema'])


class CutOffTest(testtools.TestCase):
    def test_at_every_length(self) -> None:
        raw = state.dumps(samples.state())
        # But for its last byte, the newline, nothing can be missing.
        for length in range(len(raw) - 1):
            self.assertRaises(exception.StateError, state.loads,
                              raw[:length])
        self.assertEqual(samples.state(), state.loads(raw[:-1]))

    def test_the_other_end(self) -> None:
        raw = state.dumps(samples.state())
        for start in range(1, len(raw)):
            self.assertRaises(exception.StateError, state.loads, raw[start:])

    def test_zeros_instead_of_the_end(self) -> None:
        # What some file systems leave after a power cut.
        raw = state.dumps(samples.state())
        for length in range(0, len(raw) - 1, 7):
            self.assertRaises(exception.StateError, state.loads,
                              raw[:length].ljust(len(raw), b'\0'))


class SchemaTest(testtools.TestCase):
    def test_the_future(self) -> None:
        for schema in (state.SCHEMA + 1, 99, 10 ** 30):
            error = self.assertRaises(
                exception.StateTooNew, state.loads,
                _raw({'schema': schema, 'unheard': 'of'}))
            self.assertEqual(schema, error.schema)
            self.assertIsInstance(error, exception.StateError)

    def test_invalid(self) -> None:
        for schema in (0, -1, True, 1.0, '1', None, [], {}):
            error = self.assertRaises(
                exception.StateError, state.loads,
                _raw(_document() | {'schema': schema}))
            self.assertNotIsInstance(error, exception.StateTooNew)

    def test_not_a_state_at_all(self) -> None:
        for raw in (b'', b'\0', b'null', b'[]', b'1', b'"schema"', b'{}',
                    b'\xff\xfe', b'{"schema": 1}', b'1' * 5000, b'NaN',
                    b'[' * 200000, b'{"schema":' * 100000):
            self.assertRaises(exception.StateError, state.loads, raw)


class EditedTest(testtools.TestCase):
    def assert_refused(self, edit: Callable[[Document], Any]) -> None:
        document = _document()
        edit(document)
        self.assertNotEqual(_document(), document)
        self.assertRaises(exception.StateError, state.loads, _raw(document))

    def assert_sane(self, document: Document, what: str) -> None:
        """Refused by the one error, or read as what it then says."""
        try:
            found = state.loads(_raw(document))
        except exception.StateError:
            return
        except Exception as error:
            self.fail(f'{what}: {error!r}')
        self.assertEqual(
            json.loads(_raw(state.to_plain(found) | {
                'schema': document['schema']})),
            json.loads(state.dumps(found)), what)

    def test_any_value_becomes_anything(self) -> None:
        document = _document()
        for container, key in list(_places(document)):
            value = container[key]
            for strange in _STRANGE:
                container[key] = strange
                self.assert_sane(document, f'{key} = {strange!r:.40}')
            container[key] = value
        self.assertEqual(_document(), document)

    def test_any_key_is_gone_or_called_otherwise(self) -> None:
        for number in range(len(list(_places(_document())))):
            for name in (None, '', '../x', 'x', 'disk', samples.A):
                document = _document()
                container, key = list(_places(document))[number]
                value = container.pop(key)
                if name is not None and isinstance(container, dict):
                    container[name] = value
                document.setdefault('schema', 1)
                self.assert_sane(document, f'{key} is called {name}')

    def test_every_field_is_needed(self) -> None:
        for key in _document():
            self.assert_refused(lambda doc, key=key: doc.pop(key))

    def test_wrong_types(self) -> None:
        wrong: dict[str, tuple[Any, ...]] = {
            'uuid': (None, 1, '', 'x', samples.UUID.upper() + 'A',
                     samples.UUID + '\n', [samples.UUID]),
            'name': (None, 1, []), 'host': (None, 1, {}),
            'generation': (None, '7', 7.5, True, -1, float('inf')),
            'disks': (None, [], 'disk', 1), 'layers': (None, [], 1),
            'snapshots': (None, [], 'x'), 'current': (1, [], {}, False),
            'operation': (1, [], 'create', {}), 'jobs': (None, [], 1),
            'own_image': (1, [], 'x')}
        for key, values in wrong.items():
            for value in values:
                self.assert_refused(
                    lambda doc, k=key, v=value: doc.update({k: v}))

    def _refuse_in(self, reach: Callable[[Document], Document],
                   wrong: dict[str, tuple[Any, ...]]) -> None:
        for key, values in wrong.items():
            for value in values:
                document = _document()
                reach(document)[key] = value
                try:
                    state.loads(_raw(document))
                except exception.StateError:
                    continue
                self.fail(f'{key} = {value!r} was believed')

    def test_a_layer(self) -> None:
        times = (None, '1', -1.0, 1e300, float('nan'), 10 ** 400, True)
        self._refuse_in(lambda doc: doc['layers'][samples.B], {
            'id': (None, samples.A, 'x'),
            'disk': (None, [], 'gone', 'disk.eph0'),
            'file': (None, '', '../x', '/etc/passwd', 'disk', 'disk.config',
                     f'disk.layer-{samples.A}', f'x/disk.layer-{samples.B}'),
            'format': (None, 'raw', 'vmdk', []),
            'parent': (samples.B, samples.C, 'gone', '', samples.E0, 1, []),
            'created_at': times, 'fresh_bytes': ('1', -1, 1.5, True),
            'strange': (1,)})

    def test_a_disk(self) -> None:
        self._refuse_in(lambda doc: doc['disks']['disk'], {
            'name': (None, 'disk.eph0', '../disk'),
            'target': (None, 1, []),
            'size': (None, 0, -1, 1.5, '1', True, 10 ** 400),
            'base': (1, '', '_base/x', '../x', []),
            'base_format': (1, []),
            'active': (None, 'gone', samples.E1, [], ''),
            'mode': ('0644', -1, 0o1000, 1.5, []),
            'strange': (1,)})

    def test_a_snapshot(self) -> None:
        times = (None, '1', -1.0, 1e300, float('nan'), 10 ** 400)
        self._refuse_in(lambda doc: doc['snapshots'][samples.S2], {
            'id': (None, samples.S1, '../x'),
            'name': (None, 1, '', '../x', 'a\nb', 'x' * 64),
            'kind': (None, 1, []), 'state': (None, 1, []),
            'parent': (samples.S2, 'gone', '', 1, []),
            'created_at': times, 'frozen_at': times,
            'consistency': (None, 'perfect', 1, []),
            'disks': (None, [], {'disk': None}, {'disk': {}}),
            'left_out': (None, [], 'x', {'vdc': 1}),
            'description': (None, 1), 'properties': (None, [], {'a': 1}),
            'safety': (None, 0, 'yes'), 'strange': (1,)})

    def test_a_point(self) -> None:
        self._refuse_in(
            lambda doc: doc['snapshots'][samples.S2]['disks']['disk'], {
                'layer': (None, 'gone', samples.E0, []),
                'size': (None, '1', -1, 0.5),
                'tag': (1, []), 'overlay': (1, '../x', '/x', '', [])})

    def test_an_operation_and_a_job(self) -> None:
        times = (None, '1', float('nan'), 10 ** 400)
        self._refuse_in(lambda doc: doc['operation'], {
            'id': (None, 1), 'verb': (None, 1, []), 'kind': (None, 1),
            'phase': (None, 1), 'started_at': times, 'data': (None, [], 'x')})
        self._refuse_in(lambda doc: doc['jobs'][samples.JOB], {
            'id': (None, 1), 'type': (None, 1), 'disk': (None, 1),
            'started_at': times, 'data': (None, [], 'x')})

    def test_a_layer_id_that_leads_elsewhere(self) -> None:
        # The file's name follows the rule, and is no file's name.
        for key in ('0/../../etc', '../x', 'settle', 'aaaaaaa', 'AAAAAAAA',
                    'x.layer-00000000', 'aaaaaaaa\n', '0' * 300):
            self.assert_refused(lambda doc, key=key: _rename_layer(doc, key))

    def test_a_disk_that_leads_elsewhere(self) -> None:
        for key in ('../x', '/etc/passwd', '..', '', 'a/b', 'a\0'):
            self.assert_refused(lambda doc, key=key: _rename_disk(doc, key))

    def test_a_disk_called_as_a_layer(self) -> None:
        # Settle would rename the active layer over that file.
        for key in (f'disk.layer-{samples.A}', 'disk.layer-settle'):
            self.assert_refused(lambda doc, key=key: _rename_disk(doc, key))

    def test_a_renamed_disk_is_fine_otherwise(self) -> None:
        document = _document()
        _rename_disk(document, 'root.qcow2')
        self.assertIn('root.qcow2', state.loads(_raw(document)).disks)

    def test_a_missing_layer(self) -> None:
        for key in _document()['layers']:
            self.assert_refused(lambda doc, key=key: doc['layers'].pop(key))

    def test_a_missing_disk(self) -> None:
        self.assert_refused(lambda doc: doc['disks'].pop('disk'))

    def test_a_missing_snapshot(self) -> None:
        self.assert_refused(lambda doc: doc['snapshots'].pop(samples.S1))
        self.assert_refused(lambda doc: doc['snapshots'].pop(samples.S2))

    def test_cycles(self) -> None:
        self.assert_refused(lambda doc: doc['layers'][samples.A].update(
            parent=samples.C))
        self.assert_refused(lambda doc: doc['snapshots'][samples.S1].update(
            parent=samples.S2))

    def test_two_snapshots_of_one_name(self) -> None:
        self.assert_refused(lambda doc: doc['snapshots'][samples.S1].update(
            name=doc['snapshots'][samples.S2]['name']))

    def test_the_error_names_the_file(self) -> None:
        error = self.assertRaises(exception.StateError, state.loads, b'{',
                                  '/some/state.json')
        self.assertEqual('/some/state.json', error.path)


def _rename_layer(document: Document, key: str) -> None:
    layer = document['layers'].pop(samples.C)
    layer |= {'id': key, 'file': f'disk.layer-{key}'}
    document['layers'][key] = layer
    document['disks']['disk']['active'] = key


def _rename_disk(document: Document, key: str) -> None:
    disk = document['disks'].pop('disk')
    document['disks'][key] = disk | {'name': key}
    for layer in document['layers'].values():
        if layer['disk'] == 'disk':
            layer |= {'disk': key, 'file': f'{key}.layer-{layer["id"]}'}
    for snapshot in document['snapshots'].values():
        snapshot['disks'] = {
            key if name == 'disk' else name: point
            for name, point in snapshot['disks'].items()}


class FileTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.folder = self.make_directory()

    def test_none_is_no_error(self) -> None:
        self.assertIsNone(state.load(self.folder))

    def test_save_counts(self) -> None:
        saved = state.save(self.folder, samples.state())
        self.assertEqual(8, saved.generation)
        self.assertEqual(saved, state.load(self.folder))
        again = state.save(self.folder, saved)
        self.assertEqual(9, again.generation)
        self.assertEqual(again, state.load(self.folder))

    def test_another_host_reads_it(self) -> None:
        # Who may change it is decided above: the host is kept as it is.
        state.save(self.folder, samples.state(host='another.host'))
        found = state.load(self.folder)
        self.assertEqual('another.host', found and found.host)

    def test_not_a_plain_file(self) -> None:
        outside = os.path.join(os.path.dirname(self.folder.path), 'outside')
        with open(outside, 'wb') as file:
            file.write(state.dumps(samples.state()))
        path = os.path.join(self.folder.path, state.FILE)
        for make in (lambda: os.symlink(outside, path),
                     lambda: os.link(outside, path),
                     lambda: os.mkfifo(path)):
            make()
            self.assertRaises(exception.StateError, state.load, self.folder)
            os.unlink(path)
        os.mkdir(path)
        self.assertRaises(exception.StateError, state.load, self.folder)

    def test_too_long(self) -> None:
        path = self.write(self.folder, state.FILE)
        os.truncate(path, 1 << 40)
        self.assertRaises(exception.StateError, state.load, self.folder)

    def test_not_readable(self) -> None:
        self.write(self.folder, state.FILE, state.dumps(samples.state()))
        with mock.patch.object(self.folder, 'read',
                               side_effect=PermissionError('not yours')):
            self.assertRaises(exception.StateError, state.load, self.folder)

    def test_a_reader_without_the_lock(self) -> None:
        state.save(self.folder, samples.state())
        stop = threading.Event()

        def write() -> None:
            with mock.patch('os.fsync'):  # as fast as can be
                while not stop.is_set():
                    state.save(self.folder, samples.state())

        writer = threading.Thread(target=write)
        writer.start()
        try:
            for _ in range(1000):
                self.assertIsNotNone(state.load(self.folder))
        finally:
            stop.set()
            writer.join()
