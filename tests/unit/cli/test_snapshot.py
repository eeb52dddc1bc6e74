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

import dataclasses
from unittest import mock

from snapdriver import exception
from snapdriver import model
from tests.unit.cli import base

_KEYS = ['name', 'id', 'kind', 'state', 'parent', 'current', 'created_at',
         'frozen_at', 'consistency', 'disks', 'size', 'description',
         'properties']
_PLAN = model.Plan(
    verb='create', domain='web', snapshots=('a',), kind='external',
    new_files=('disk.layer-1',), bytes=196624, pause='none',
    left_out={'vdb': 'it is read-only'}, notes=('mind the gap',),
    data=object())


class TestCreate(base.TestCase):
    def test_arguments(self):
        self.manager.create.return_value = base.info('a')
        self.run_command(
            'snapshot', 'create', 'web', 'a', '--kind', 'odd', '--disk',
            'vda', '--disk', 'vdb', '--description', 'why', '--property',
            'a=b=c', '--property', 'd=', '--quiesce', 'try')
        self.manager.create.assert_called_once_with(
            'web', 'a', kind='odd', disks=['vda', 'vdb'], description='why',
            properties={'a': 'b=c', 'd': ''}, quiesce='try')

    def test_defaults(self):
        self.manager.create.return_value = base.info('a')
        self.run_command('snapshot', 'create', 'web')
        self.manager.create.assert_called_once_with(
            'web', None, kind=None, disks=[], description='', properties={},
            quiesce='never')

    def test_output(self):
        self.manager.create.return_value = base.info('a', size=1)
        found = self.run_json('snapshot', 'create', 'web', 'a')
        self.assertEqual([*_KEYS, 'left_out', 'safety'], list(found))
        self.assertEqual(1, found['size'])

    def test_usage(self):
        for arguments in (['--property', 'x'], ['--property', '=x'],
                          ['--quiesce', 'maybe'], ['--bandwidth', '1']):
            self.assert_error(2, arguments[0], 'snapshot', 'create', 'web',
                              'a', *arguments)
        self.assert_error(2, 'DOMAIN', 'snapshot', 'create')

    def test_dry_run(self):
        self.manager.plan_create.return_value = _PLAN
        found = self.run_json('snapshot', 'create', 'web', 'a', '--dry-run')
        expected = dataclasses.asdict(dataclasses.replace(_PLAN, data=None))
        del expected['data']
        self.assertEqual(
            {key: list(value) if isinstance(value, tuple) else value
             for key, value in expected.items()}, found)
        self.manager.create.assert_not_called()

    def test_dry_run_refused(self):
        self.manager.plan_create.return_value = dataclasses.replace(
            _PLAN, refusals=('it is too late', 'it is too early'))
        code, out, err = self.run_command('snapshot', 'create', 'web',
                                          '--dry-run')
        self.assertEqual((1, ''), (code, err))
        self.assertIn('it is too late', out)
        self.assertIn('it is too early', out)
        self.assertIn('192.0 KiB', out)


class TestList(base.TestCase):
    def setUp(self):
        super().setUp()
        self.infos = [base.info('a'), base.info('b', 'a', current=True)]
        self.manager.list.return_value = self.infos
        self.manager.list_all.side_effect = lambda: iter(
            [('web', base.UUID, self.infos)])

    def test_table(self):
        _, out, _ = self.run_command('snapshot', 'list', 'web')
        rows = [[cell.strip() for cell in line.split('|')[1:-1]]
                for line in out.splitlines() if line.startswith('|')]
        self.assertEqual(['Name', 'Kind', 'State', 'Parent', 'Current',
                          'Frozen at', 'Consistency', 'Size'], rows[0])
        self.assertEqual(['a', 'external', 'shutoff', '', ''], rows[1][:5])
        self.assertEqual(['b', 'external', 'shutoff', 'a', '*'], rows[2][:5])
        self.assertEqual('196.0 KiB', rows[1][-1])

    def test_empty_table_has_a_head(self):
        self.manager.list.return_value = []
        self.assertIn('| Name |', self.run_command(
            'snapshot', 'list', 'web')[1])
        self.assertEqual([], self.run_json('snapshot', 'list', 'web'))

    def test_json_has_stable_keys_and_plain_values(self):
        first, second = self.run_json('snapshot', 'list', 'web')
        self.assertEqual(_KEYS, list(first))
        self.assertEqual((None, 'a'), (first['parent'], second['parent']))
        self.assertEqual((False, True), (first['current'],
                                         second['current']))
        self.assertEqual(200704, first['size'])
        self.assertEqual(1 << 30, first['disks']['disk']['size'])
        self.assertEqual('2026-01-02T03:04:05.678+00:00',
                         first['frozen_at'])

    def test_all_tells_the_domain(self):
        first = self.run_json('snapshot', 'list', '--all')[0]
        self.assertEqual(['domain', 'domain_id', *_KEYS], list(first))
        self.assertEqual(('web', base.UUID), (first['domain'],
                                              first['domain_id']))
        self.assertIn('| Domain | Name', self.run_command(
            'snapshot', 'list', '--all')[1])

    def test_any_column_can_be_chosen(self):
        _, out, _ = self.run_command('snapshot', 'list', 'web', '-c', 'id',
                                     '-c', 'created_at')
        self.assertIn('| ID   | Created at', out)
        self.assertEqual('a\nb\n', self.run_command(
            'snapshot', 'list', 'web', '-f', 'value', '-c', 'name')[1])
        self.assert_error(1, 'No recognized column', 'snapshot', 'list',
                          'web', '-c', 'nope')

    def test_yaml(self):
        code, out, err = self.run_command('snapshot', 'list', 'web', '-f',
                                          'yaml')
        self.assertEqual((0, ''), (code, err))
        self.assertIn('    disk:\n', out)

    def test_either_a_domain_or_all(self):
        self.assert_error(2, 'required', 'snapshot', 'list')
        self.assert_error(2, 'not allowed', 'snapshot', 'list', 'web',
                          '--all')

    def test_tree(self):
        _, out, _ = self.run_command('snapshot', 'list', 'web', '--tree')
        self.assertIn('web\n└── a  ', out)
        self.assertIn('    └── b *  ', out)
        _, out, _ = self.run_command('snapshot', 'list', '--all', '--tree',
                                     encoding='ascii')
        self.assertIn('    `-- b *  ', out)
        _, out, _ = self.run_command('snapshot', 'list', 'web', '--tree',
                                     '--max-width', '20')
        self.assertEqual('web\n└ a      external\n  └ b *  external\n', out)
        self.assert_error(2, '--tree', 'snapshot', 'list', 'web', '--tree',
                          '-f', 'json')


class TestShow(base.TestCase):
    def test_show(self):
        self.manager.show.return_value = base.info(
            'a', left_out={'vdb': 'it is read-only'}, safety=True,
            properties={'k': 'v'})
        found = self.run_json('snapshot', 'show', 'web', 'a')
        self.assertEqual([*_KEYS, 'left_out', 'safety'], list(found))
        self.assertEqual({'vdb': 'it is read-only'}, found['left_out'])
        _, out, _ = self.run_command('snapshot', 'show', 'web', 'a')
        self.assertIn('vda: disk.layer-0a1b2c3d (1.0 GiB)', out)
        self.assertIn('k: v', out)


class TestRevert(base.TestCase):
    def setUp(self):
        super().setUp()
        self.manager.revert.return_value = base.info('safety-1')

    def test_arguments(self):
        domain = self.connection.domain
        for option, changes in (
                ([], {}),
                (['--start'], {'power': model.Power.RUNNING}),
                (['--no-start'], {'power': model.Power.SHUTOFF}),
                (['--paused'], {'power': model.Power.PAUSED}),
                (['--no-safety'], {'safety': False}),
                (['--no-memory'], {'memory': False})):
            self.run_command('snapshot', 'revert', 'web', 'a', *option)
            self.manager.revert.assert_called_with(
                domain, 'a', **{'power': None, 'safety': True,
                                'memory': True} | changes)
        self.assert_error(2, 'not allowed', 'snapshot', 'revert', 'web', 'a',
                          '--start', '--paused')

    def test_output(self):
        self.assertEqual(
            {'domain': 'web', 'reverted_to': 'a', 'safety': 'safety-1',
             'state': 'running'},
            self.run_json('snapshot', 'revert', '7', 'a'))
        self.manager.revert.return_value = None
        self.assertIsNone(self.run_json(
            'snapshot', 'revert', base.UUID, 'a')['safety'])

    def test_domain_that_libvirt_does_not_know(self):
        self.manager.revert.side_effect = exception.DomainNotFound(
            domain='other', searched='/i')
        self.assert_error(1, 'No domain "other"', 'snapshot', 'revert',
                          'other', 'a')
        self.manager.revert.assert_called_with(
            'other', 'a', power=None, safety=True, memory=True)

    def test_dry_run(self):
        self.manager.plan_revert.return_value = dataclasses.replace(
            _PLAN, verb='revert')
        self.assertEqual('revert', self.run_json(
            'snapshot', 'revert', 'web', 'a', '--dry-run')['verb'])
        self.manager.revert.assert_not_called()


class TestDelete(base.TestCase):
    def setUp(self):
        super().setUp()
        self.manager.delete.return_value = model.Plan(
            verb='delete', domain='web', snapshots=('a', 'b'),
            removed_files=('disk.layer-1',), notes=('disk.layer-2 stays',))
        self.manager.merge.return_value = model.Merged(
            ('disk.layer-2 was merged',), {'disk.layer-3': 'it is exported'})

    def test_output(self):
        self.assertEqual(
            {'domain': 'web', 'snapshots': ['a', 'b'],
             'removed_files': ['disk.layer-1'],
             'merged': ['disk.layer-2 was merged'],
             'pending': {'disk.layer-3': 'it is exported'}},
            self.run_json('snapshot', 'delete', 'web', 'a', 'b'))
        self.manager.delete.assert_called_once_with(
            'web', ['a', 'b'], children=False, everything=False)
        self.manager.merge.assert_called_once_with(
            'web', bandwidth=0, progress=mock.ANY)

    def test_bandwidth(self):
        self.run_command('snapshot', 'delete', 'web', 'a', '--bandwidth',
                         '20')
        self.manager.merge.assert_called_once_with(
            'web', bandwidth=20, progress=mock.ANY)
        for wrong in ('0', '-1', '1.5', 'fast', '99999999'):
            self.assert_error(2, 'bandwidth', 'snapshot', 'delete', 'web',
                              'a', f'--bandwidth={wrong}')

    def test_merging_can_be_left_for_later(self):
        shown = self.run_json('snapshot', 'delete', 'web', 'a', '--no-merge')
        self.assertEqual(([], {}), (shown['merged'], shown['pending']))
        self.manager.merge.assert_not_called()

    def test_options(self):
        self.run_command('snapshot', 'delete', 'web', 'a', '--children')
        self.manager.delete.assert_called_with(
            'web', ['a'], children=True, everything=False)
        self.run_command('snapshot', 'delete', 'web', '--all')
        self.manager.delete.assert_called_with(
            'web', [], children=False, everything=True)

    def test_names_or_all(self):
        self.assert_error(2, 'required', 'snapshot', 'delete', 'web')
        self.assert_error(2, 'not allowed', 'snapshot', 'delete', 'web', 'a',
                          '--all')
        self.manager.delete.assert_not_called()

    def test_dry_run(self):
        self.manager.plan_delete.return_value = _PLAN
        self.run_json('snapshot', 'delete', 'web', 'a', '--dry-run')
        self.assertEqual(
            [mock.call.plan_delete('web', ['a'], children=False,
                                   everything=False)],
            self.manager.mock_calls)


class TestExport(base.TestCase):
    def setUp(self):
        super().setUp()
        self.manager.export.return_value = model.Exported(
            file='/tmp/out', format='raw', disk='disk', snapshot='a',
            virtual_size=1 << 30, bytes=4096)

    def test_arguments(self):
        self.run_command('snapshot', 'export', 'web', 'a', 'out', '--disk',
                         'vda', '--format', 'raw', '--compress')
        self.manager.export.assert_called_once_with(
            'web', 'a', 'out', disk='vda', format='raw', compress=True,
            progress=mock.ANY)

    def test_defaults(self):
        self.run_command('snapshot', 'export', 'web', 'a', 'out')
        self.manager.export.assert_called_once_with(
            'web', 'a', 'out', disk=None, format='qcow2', compress=False,
            progress=mock.ANY)

    def test_output(self):
        self.assertEqual(
            {'file': '/tmp/out', 'format': 'raw', 'virtual_size': 1 << 30,
             'bytes': 4096, 'snapshot': 'a', 'disk': 'disk'},
            self.run_json('snapshot', 'export', 'web', 'a', 'out',
                          '--format', 'raw'))
        code, out, err = self.run_command('snapshot', 'export', 'web', 'a',
                                          'out')
        self.assertEqual((0, ''), (code, err))
        self.assertIn('1.0 GiB', out)

    def test_usage(self):
        self.assert_error(2, 'invalid choice', 'snapshot', 'export', 'web',
                          'a', 'out', '--format', 'vmdk')
        self.assert_error(2, 'FILE', 'snapshot', 'export', 'web', 'a')
