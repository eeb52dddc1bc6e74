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

"""What people, programs and editors may hand to us."""

from collections.abc import Iterator
import copy
import json
from typing import Any

from snapdriver import exception
from tests.functional import guest as guests
from tests.functional import host
from tests.functional.faults import base

_NAMES = ('a/b', '../x', '..', '.', '', 'a\nb', 'a\0b', '<name/>', '&amp;',
          'a' * 300, '-h', '--all', ' a', 'a b', '\udcff', 'naïve',
          "x';--", '$(id)', '*')

#: What an editor may leave in the place of any value.
_VALUES = (None, True, -1, 1 << 70, 1e300, float('nan'), '', '../../x', 'x',
           '/etc/passwd', [], {}, [[]], {'x': {}})


class TestNames(base.FaultTest):

    def setUp(self) -> None:
        super().setUp()
        self.guest = guests.Guest(self).define()
        self.manager.create(self.guest.name, 'good')
        self.before = self.everything()

    def test_snapshots(self) -> None:
        for name in _NAMES:
            self.refused(self.manager.create, name)
            self.refused(self.manager.revert, name)
            self.refused(self.manager.delete, [name])
            self.refused(self.manager.delete, ['good', name])
            self.refused(self.manager.show, name)
            self.refused(self.manager.plan_create, name)

    def test_other_arguments(self) -> None:
        for name in _NAMES:
            self.refused(self.manager.create, 'x', disks=[name])
            self.refused(self.manager.create, 'x', properties={name: 'x'})
            self.refused(self.manager.create, 'x', kind=f'x{name}')
        self.refused(self.manager.create, 'x', description='\0')
        self.refused(self.manager.create, 'x', description='\x1b[2J')
        self.refused(self.manager.create, 'x', description='a' * 5000)
        self.refused(self.manager.create, 'x', properties={'a': 'b' * 300})
        self.refused(self.manager.create, 'x', snapshot_id='../../x')
        self.refused(self.manager.create, 'x', disks=['disk.layer-0'])
        self.refused(self.manager.adopt, '<name/>')

    def test_domains(self) -> None:
        for name in (*_NAMES, '0', '99999999999999999999'):
            for verb in ('create', 'list', 'check', 'recover', 'settle',
                         'adopt'):
                error = self.assertRaises(
                    exception.DomainNotFound, getattr(self.manager, verb),
                    name)
                self.one_line(error)

    def test_through_the_command(self) -> None:
        for name in ('a/b', '..', 'a\nb', '<name/>', 'a' * 300):
            for verb in ('create', 'show', 'revert', 'delete'):
                done = host.run_cli('snapshot', verb, self.guest.name, name,
                                    check=False)
                self.assertEqual(1, done.returncode, done.stderr)
                self.assertEqual('', done.stdout)
                self.assertEqual(1, done.stderr.count('\n'), done.stderr)
                self.assertNotIn('Traceback', done.stderr)

    def refused(self, verb: Any, *arguments: Any, **named: Any) -> None:
        error = self.assertRaises(exception.SnapdriverError, verb,
                                  self.guest.name, *arguments, **named)
        self.one_line(error)
        self.assertEqual(self.before, self.everything(), arguments)

    def one_line(self, error: exception.SnapdriverError) -> None:
        self.assertNotIn('\n', str(error))
        self.assertLess(len(str(error)), 600)

    def everything(self) -> list[Any]:
        state = self.guest.directory / 'snapdriver' / 'state.json'
        return [self.guest.files(), state.read_bytes(),
                self.sources(self.guest), self.manager.check(self.guest.name)]


class TestStateFile(base.FaultTest):

    def setUp(self) -> None:
        super().setUp()
        self.guest = guests.Guest(self).define()
        self.write(self.guest, 'one')
        self.manager.create(self.guest.name, 's1')
        self.write(self.guest, 'two')
        self.manager.create(self.guest.name, 's2')
        self.file = self.guest.directory / 'snapdriver' / 'state.json'
        self.good = self.file.read_bytes()

    def test_cut_off(self) -> None:
        for length in (0, 1, 100, len(self.good) // 2, len(self.good) - 3):
            self.refused(self.good[:length])

    def test_not_json(self) -> None:
        for raw in (b'\0' * 100, b'[' * 100000, b'[]', b'null', b'7', b'""',
                    b'\xff\xfe', b'{"schema": "1"}', b'{"schema": 1e999}',
                    b'{"schema": 1}', b'{"a":' * 5000, b'x' * (9 << 20)):
            self.refused(raw)

    def test_from_the_future(self) -> None:
        document = json.loads(self.good)
        document['schema'] += 1
        self.refused(json.dumps(document).encode())
        self.assertRaises(exception.StateTooNew, self.manager.list,
                          self.guest.name)

    def test_of_another_instance(self) -> None:
        document = json.loads(self.good)
        document['uuid'] = document['uuid'][::-1].replace('-', 'a')
        self.refused(json.dumps(document).encode())

    def test_of_another_host(self) -> None:
        """Read, and not written."""
        document = json.loads(self.good)
        document['host'] = 'elsewhere'
        self.file.write_text(json.dumps(document))
        self.assertEqual(['s1', 's2'], self.names(self.guest))
        error = self.assertRaises(exception.StateError, self.manager.create,
                                  self.guest.name, 's3')
        self.assertIn('elsewhere', str(error))
        self.assertEqual(document, json.loads(self.file.read_bytes()))

    def test_edited_anywhere(self) -> None:
        """Any value may be anything: refused or lived with, no traceback.

        And never a file or a snapshot lost that was there.
        """
        self.run_victim('create', self.guest, 's3', signal_at=2)
        good = json.loads(self.file.read_bytes())
        files = self.layer_names()
        for path in _paths(good):
            for value in _VALUES:
                document = copy.deepcopy(good)
                _put(document, path, value)
                self.file.write_text(json.dumps(document))
                for verb in (self.manager.list, self.manager.check):
                    try:
                        verb(self.guest.name)
                    except exception.SnapdriverError as error:
                        self.assertNotIn('\n', str(error))
                    except Exception as error:
                        raise AssertionError(f'{path} {value!r}') from error
        self.file.write_text(json.dumps(good))
        self.assertEqual(files, self.layer_names())
        self.manager.recover(self.guest.name)
        self.assert_sound(self.guest)

    def test_edited_operation(self) -> None:
        """Recovering it touches nothing that it does not own."""
        self.run_victim('create', self.guest, 's3', signal_at=2)
        good = json.loads(self.file.read_bytes())
        kept = self.layers(good)
        paths = [path for path in _paths(good) if path[0] == 'operation'
                 and 'quiesce' not in path]
        for path in paths:
            for value in (None, 'x', '../../x', 'disk', {}, []):
                document = copy.deepcopy(good)
                _put(document, path, value)
                self.file.write_text(json.dumps(document))
                try:
                    self.manager.recover(self.guest.name)
                except exception.SnapdriverError as error:
                    self.assertNotIn('\n', str(error))
                except Exception as error:
                    raise AssertionError(f'{path} {value!r}') from error
                self.assertLessEqual(kept, self.layer_names(), path)
                self.assertIn('disk', self.guest.files())
        self.assertEqual({'two'}, self.active_marks(self.guest))

    def layers(self, document: Any) -> Any:
        return {layer['file'] for layer in document['layers'].values()}

    def layer_names(self) -> Any:
        return {name for name in self.guest.files() if '.layer-' in name}

    def refused(self, raw: bytes) -> None:
        """By all verbs; ``check`` says so; what is there stays there."""
        self.file.write_bytes(raw)
        files = self.guest.files()
        for verb, *arguments in (
                ('list',), ('create', 'x'), ('revert', 's1'), ('settle',),
                ('delete', ['s1']), ('recover',), ('adopt',)):
            error = self.assertRaises(
                exception.StateError, getattr(self.manager, verb),
                self.guest.name, *arguments)
            self.assertNotIn('\n', str(error))
            self.assertLess(len(str(error)), 600)
        found = self.manager.check(self.guest.name)
        self.assertEqual(['state-unusable'], [f.code for f in found])
        self.assertEqual(raw, self.file.read_bytes())
        self.assertEqual(files, self.guest.files())
        self.try_boot(self.guest)


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[Any]:
    """The way to each value in a document."""
    if path:
        yield path
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _paths(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _paths(item, (*path, index))


def _put(document: Any, path: tuple[Any, ...], value: Any) -> None:
    for key in path[:-1]:
        document = document[key]
    document[path[-1]] = value
