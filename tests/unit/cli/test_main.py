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

import configparser
import importlib
import logging
import os
import pathlib
from unittest import mock

import fixtures
import libvirt
from oslo_config import cfg

from snapdriver import exception
from snapdriver.cli import errors
from snapdriver.cli import main
from snapdriver.cli import session
from tests.unit.cli import base

_ROOT = pathlib.Path(__file__).parents[3]


class TestExitCodes(base.TestCase):
    def test_nothing_prints_help(self):
        code, out, err = self.run_command()
        self.assertEqual((0, ''), (code, err))
        self.assertIn('snapshot revert', out)
        self.assertIn('--nova-aware', out)

    def test_help_of_a_command_wherever_it_is_asked_for(self):
        for arguments in (('snapshot', 'list', '--all', '--help'),
                          ('--help', 'snapshot', 'list'),
                          ('help', 'snapshot', 'list')):
            code, out, err = self.run_command(*arguments)
            self.assertEqual((0, ''), (code, err))
            self.assertIn('usage: snapdriver snapshot list', out)

    def test_help_of_a_noun_lists_its_verbs(self):
        code, out, _ = self.run_command('domain', '--help')
        self.assertEqual(0, code)
        self.assertIn('domain settle', out)

    def test_version(self):
        code, out, _ = self.run_command('--version')
        self.assertEqual(0, code)
        self.assertTrue(out.startswith('snapdriver '), out)

    def test_usage_errors(self):
        for text, arguments in (
                ('"foo" is no command', ['foo']),
                ('did you mean: snapshot create', ['snapshot', 'crate']),
                ('"foo" is no command', ['help', 'foo']),
                ('no option --bogus', ['--bogus']),
                ('unrecognized arguments', ['snapshot', 'list', 'a', '--b']),
                ('not allowed', ['-v', '-q', 'snapshot', 'list', 'a'])):
            self.assert_error(2, text, *arguments)

    def test_expected_errors_are_one_line(self):
        for error, text in (
                (exception.SnapshotNotFound(domain='d', name='a\nb\x1b[2J'),
                 'has no snapshot "a b [2J"'),
                (libvirt.libvirtError('went away'), 'libvirt: went away'),
                (PermissionError(13, 'Permission denied', '/x'), '/x'),
                (KeyError('k'), 'unexpected KeyError: \'k\' (--debug')):
            self.manager.list.side_effect = error
            self.assert_error(1, text, 'snapshot', 'list', 'web')

    def test_debug_shows_the_traceback(self):
        self.manager.list.side_effect = exception.SnapshotNotFound(
            domain='d', name='n')
        code, _, err = self.run_command('--debug', 'snapshot', 'list', 'web')
        self.assertEqual(1, code)
        self.assertIn('Traceback', err)
        self.assertTrue(err.splitlines()[-1].startswith('snapdriver: '))

    def test_interrupted(self):
        self.manager.list.side_effect = KeyboardInterrupt
        self.assert_error(130, 'interrupted', 'snapshot', 'list', 'web')

    def test_reader_gone(self):
        self.useFixture(fixtures.MockPatchObject(main, '_close_stdout'))
        self.manager.list.side_effect = BrokenPipeError
        self.assertEqual((141, '', ''),
                         self.run_command('snapshot', 'list', 'web'))

    def test_every_entry_point_is_a_documented_command(self):
        parser = configparser.ConfigParser()
        parser.read(_ROOT / 'setup.cfg')
        group = parser['options.entry_points']['snapdriver.cli']
        names = []
        for line in group.strip().splitlines():
            name, _, value = line.partition(' = ')
            module, _, attribute = value.partition(':')
            found = getattr(importlib.import_module(module), attribute)
            self.assertTrue(found.__doc__, name)
            self.assertEqual(f'snapdriver.cli.{name}', module)
            names.append(name)
        files = {path.stem for path in (_ROOT / 'snapdriver/cli').iterdir()
                 if path.stem.startswith(('snapshot_', 'domain_', 'reaper_'))}
        self.assertEqual(files, set(names))

    def test_message_is_never_empty(self):
        self.assertIn('RuntimeError', errors.message(RuntimeError()))
        self.assertIn('OSError', errors.message(OSError()))


class TestLog(base.TestCase):
    def _warn(self, *texts):
        def look(domain):
            for text in texts:
                logging.getLogger('snapdriver.x').warning(text)
            logging.getLogger('snapdriver.x').info('by the way')
            return []
        self.manager.list.side_effect = look

    def test_warnings_once_and_on_one_line(self):
        self._warn('be\ncareful', 'be\ncareful')
        code, out, err = self.run_command('snapshot', 'list', 'web', '-f',
                                          'json')
        self.assertEqual((0, '[]\n'), (code, out))
        self.assertEqual('snapdriver: warning: be careful\n', err)

    def test_quiet_and_verbose(self):
        self._warn('careful')
        self.assertEqual('', self.run_command(
            '-q', 'snapshot', 'list', 'web')[2])
        self.assertIn('info: by the way', self.run_command(
            '-v', 'snapshot', 'list', 'web')[2])

    def test_what_the_error_says_is_not_said_twice(self):
        error = exception.SnapshotNotFound(domain='web', name='a')

        def look(domain):
            logging.getLogger('snapdriver.x').warning('failed: %s', error)
            raise error
        self.manager.list.side_effect = look
        self.assert_error(1, 'has no snapshot "a"', 'snapshot', 'list', 'web')

    def test_the_helper_explains_an_error_or_nothing(self):
        error = exception.PrivilegeMissing(
            action='link', path='/i/disk', reason='no helper')
        answers = [error, []]

        def look(domain):
            logging.getLogger('oslo_privsep.daemon').warning(
                'privsep log: sudo: a password is required')
            answer = answers.pop()
            if answer:
                raise answer
            return answer
        self.manager.list.side_effect = look
        self.assertEqual('', self.run_command('snapshot', 'list', 'web')[2])
        err = self.run_command('snapshot', 'list', 'web')[2]
        self.assertIn('sudo: a password is required', err)
        self.assertIn(str(error), err)

    def test_the_helper_explains_a_warning(self):
        def look(domain):
            logging.getLogger('oslo_privsep.daemon').warning('privsep log: no')
            logging.getLogger('snapdriver.x').warning('left as it is')
            return []
        self.manager.list.side_effect = look
        self.assertEqual('snapdriver: warning: privsep log: no\n'
                         'snapdriver: warning: left as it is\n',
                         self.run_command('snapshot', 'list', 'web')[2])

    def test_nothing_of_the_run_stays_in_the_log(self):
        self._warn()
        self.run_command('snapshot', 'list', 'web')
        self.assertEqual([], [
            handler for handler in logging.getLogger().handlers
            if type(handler).__module__.startswith('snapdriver')])


class TestSession(base.TestCase):
    def setUp(self):
        super().setUp()
        self.manager.list.return_value = []
        self.path = self.make_path()

    def _config(self, text):
        path = os.path.join(self.path, 'x.conf')
        pathlib.Path(path).write_text('[snapdriver]\n' + text)
        return path

    def _open(self, **how):
        """No connection is given: it is opened."""
        self.connection = None
        return self.useFixture(fixtures.MockPatchObject(
            libvirt, 'open', **how)).mock

    def test_configuration_files_and_options(self):
        seen = []

        def make(connection, conf, instances_path):
            seen.append((conf.snapdriver.host, instances_path))
            return self.manager
        self.made.side_effect = make
        config = self._config('host = elsewhere\n')
        self.run_command('--config-file', config, '--instances-path', '/i',
                         'snapshot', 'list', 'web')
        self.run_command('snapshot', 'list', 'web')
        self.assertEqual(('elsewhere', '/i'), seen[0])
        self.assertNotEqual('elsewhere', seen[1][0])

    def test_bad_configuration(self):
        self.assert_error(1, '/none', '--config-file', '/none', 'snapshot',
                          'list', 'web')
        config = self._config('broken\n')
        self.assert_error(1, 'x.conf', '--config-file', config, 'snapshot',
                          'list', 'web')
        self.made.side_effect = lambda _, conf, **kw: (
            conf.snapdriver.max_chain_depth)
        config = self._config('max_chain_depth = many\n')
        self.assert_error(1, 'max_chain_depth', '--config-file', config,
                          'snapshot', 'list', 'web')

    def test_connection_of_the_option_is_opened_and_closed(self):
        connection = base.Connection()
        opened = self._open(return_value=connection)
        config = self._config('connection_uri = qemu+ssh://a/system\n')
        self.manager.check.return_value = []
        self.run_command('--config-file', config, 'domain', 'check', 'web')
        opened.assert_called_once_with('qemu+ssh://a/system')
        self.assertEqual(1, connection.closed)
        self.run_command('--config-file', config, '--connect', 'test:///x',
                         'domain', 'check', 'web')
        opened.assert_called_with('test:///x')

    def test_given_connection_stays_open(self):
        self.run_command('snapshot', 'list', 'web')
        self.assertEqual(0, self.connection.closed)
        self.made.assert_called_once_with(
            self.connection, cfg.CONF, instances_path=None)

    def test_embedded_driver_gets_an_event_loop(self):
        self._open(return_value=base.Connection())
        loop = self.useFixture(fixtures.MockPatchObject(
            session, '_start_event_loop')).mock
        self.run_command('--connect', 'qemu:///system', 'snapshot', 'list',
                         'web')
        loop.assert_not_called()
        self.run_command('--connect', 'qemu:///embed?root=/x', 'snapshot',
                         'list', 'web')
        loop.assert_called_once_with()

    def test_list_and_show_go_without_libvirt(self):
        self._open(side_effect=libvirt.libvirtError('down'))
        self.manager.show.return_value = base.info('a')
        for arguments in (('list', 'web'), ('show', 'web', 'a')):
            code, _, err = self.run_command('snapshot', *arguments)
            self.assertEqual(0, code)
            self.assertEqual(1, err.count('\n'))
            self.assertIn('warning: Cannot connect', err)
            self.assertIsNone(self.made.call_args.args[0])

    def test_other_commands_need_libvirt(self):
        self._open(side_effect=libvirt.libvirtError('down'))
        for arguments in (('snapshot', 'create', 'web'),
                          ('snapshot', 'revert', 'web', 'a'),
                          ('snapshot', 'delete', 'web', 'a'),
                          ('domain', 'check', 'web'),
                          ('domain', 'settle', 'web')):
            self.assert_error(1, 'Cannot connect', *arguments)

    def test_uuid_needs_no_connection_if_there_is_a_state_file(self):
        opened = self._open(return_value=base.Connection())
        self.run_command('snapshot', 'list', base.UUID)
        opened.assert_not_called()
        self.manager.list.side_effect = [
            exception.DomainNotFound(domain='d', searched='/i'), []]
        self.assertEqual(0, self.run_command('snapshot', 'list',
                                             base.UUID)[0])
        opened.assert_called_once_with(mock.ANY)
