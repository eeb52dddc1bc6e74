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

import libvirt

from snapdriver import model
from snapdriver.cli import novaguard
from tests.unit.cli import base

_NOVA = ('<nova:instance xmlns:nova="http://openstack.org/xmlns/libvirt/'
         'nova/1.1"><nova:name>x</nova:name></nova:instance>')


class TestCheck(base.TestCase):
    def _check(self, *severities):
        self.manager.check.return_value = [
            model.Finding(severity, 'a-code', 'disk', 'it is so')
            for severity in severities]
        return self.run_command('domain', 'check', 'web', '-f', 'json')

    def test_exit_code(self):
        for expected, severities in (
                (0, []), (0, ['pending']), (1, ['warning']),
                (1, ['pending', 'error'])):
            found = self._check(*map(model.Severity, severities))
            self.assertEqual((expected, ''), (found[0], found[2]))

    def test_output(self):
        self.assertEqual('[]\n', self._check()[1])
        self.assertIn('"severity": "error"',
                      self._check(model.Severity.ERROR)[1])
        code, out, _ = self.run_command('domain', 'check', 'web', '--deep')
        self.assertEqual(1, code)
        self.assertIn('| error    | a-code | disk    | it is so |', out)
        self.manager.check.assert_called_with('web', deep=True)

    def test_yaml(self):
        self._check(model.Severity.ERROR)
        self.assertIn('severity: error', self.run_command(
            'domain', 'check', 'web', '-f', 'yaml')[1])


class TestOthers(base.TestCase):
    def test_recover(self):
        self.manager.recover.return_value = ['the create was undone']
        self.assertEqual([{'done': 'the create was undone'}],
                         self.run_json('domain', 'recover', 'web'))

    def test_settle(self):
        self.manager.settle.return_value = True
        self.assertEqual({'domain': 'web', 'settled': True},
                         self.run_json('domain', 'settle', 'web'))
        self.manager.settle.return_value = False
        self.assertEqual(1, self.run_command('domain', 'settle', 'web')[0])

    def test_adopt(self):
        self.manager.adopt.return_value = [base.info('a')]
        self.assertEqual('a', self.run_json(
            'domain', 'adopt', 'web', 'a')[0]['name'])
        self.manager.adopt.assert_called_once_with('web', 'a')
        self.run_command('domain', 'adopt', 'web')
        self.manager.adopt.assert_called_with('web', None)


class TestNovaGuard(base.TestCase):
    def setUp(self):
        super().setUp()
        self.manager.revert.return_value = None
        self.manager.settle.return_value = True

    def _set(self, state, metadata=_NOVA):
        self.connection = base.Connection(base.Domain(state, metadata))

    def assert_refused(self, *arguments):
        self.assert_error(1, 'openstack server rebuild', *arguments)
        self.manager.revert.assert_not_called()
        self.manager.settle.assert_not_called()

    def test_running_or_paused(self):
        for state in (libvirt.VIR_DOMAIN_RUNNING, libvirt.VIR_DOMAIN_PAUSED):
            self._set(state)
            self.assert_refused('snapshot', 'revert', 'web', 'a')
            self.assert_refused('snapshot', 'revert', 'web', 'a',
                                '--no-start')
            self.assert_refused('domain', 'settle', base.UUID)

    def test_shut_off(self):
        self._set(libvirt.VIR_DOMAIN_SHUTOFF)
        self.assert_refused('snapshot', 'revert', 'web', 'a', '--start')
        self.assert_refused('snapshot', 'revert', 'web', 'a', '--paused')
        for arguments in (('snapshot', 'revert', 'web', 'a'),
                          ('snapshot', 'revert', 'web', 'a', '--no-start'),
                          ('domain', 'settle', 'web')):
            self.assertEqual(0, self.run_command(*arguments)[0])

    def test_aware(self):
        self._set(libvirt.VIR_DOMAIN_RUNNING)
        for arguments in (('snapshot', 'revert', 'web', 'a', '--start'),
                          ('domain', 'settle', 'web')):
            self.assertEqual(0, self.run_command('--nova-aware',
                                                 *arguments)[0])
            self.assertEqual(0, self.run_command(*arguments,
                                                 '--nova-aware')[0])

    def test_other_domains(self):
        self._set(libvirt.VIR_DOMAIN_RUNNING, '<x xmlns="http://x/nova/"/>')
        self.assertEqual(0, self.run_command('snapshot', 'revert', 'web',
                                             'a')[0])

    def test_dry_run_tells(self):
        self._set(libvirt.VIR_DOMAIN_RUNNING)
        plan = model.Plan(verb='revert', domain='web', snapshots=('a',))
        self.manager.plan_revert.return_value = dataclasses.replace(
            plan, refusals=('a block job runs',))
        code, out, _ = self.run_command(
            'snapshot', 'revert', 'web', 'a', '--dry-run', '-f', 'json')
        self.assertEqual(1, code)
        self.assertIn('a block job runs', out)
        self.assertIn('--nova-aware', out)

    def test_metadata(self):
        self.assertTrue(novaguard.is_novas(
            f'<domain><metadata>{_NOVA}</metadata></domain>'))
        for other in ('', '<metadata/>', '<description>' + _NOVA
                      + '</description>'):
            self.assertFalse(novaguard.is_novas(f'<domain>{other}</domain>'))


class TestMerge(base.TestCase):
    def test_output(self):
        self.manager.merge.return_value = model.Merged(('a was merged',), {})
        self.assertEqual(
            {'domain': 'web', 'merged': ['a was merged'], 'pending': {}},
            self.run_json('domain', 'merge', 'web', '--bandwidth', '3'))
        self.manager.merge.assert_called_once_with(
            'web', bandwidth=3, progress=mock.ANY)

    def test_what_stays_makes_it_fail(self):
        self.manager.merge.return_value = model.Merged((), {'a': 'immutable'})
        code, out, _ = self.run_command('domain', 'merge', 'web')
        self.assertEqual(1, code)
        self.assertIn('immutable', out)
