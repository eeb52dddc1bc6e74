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

"""The command: output, exit codes, and that it changes nothing."""

import contextlib
import io
import json
import os
import pathlib
import re
from typing import Any

import fixtures

from snapdriver import exception
from snapdriver.status import hypervisor
from snapdriver.status import main
from snapdriver.status import mounts
from tests.unit import samples
from tests.unit.status import base


class MainTest(base.StatusTest):
    def setUp(self) -> None:
        super().setUp()
        self.connect = self.useFixture(fixtures.MockPatchObject(
            hypervisor, 'ask', return_value=hypervisor.Hypervisor(
                (9, 0, 0), (7, 2, 22), {'dac': ('+1:+1',)}))).mock
        self.useFixture(fixtures.MockPatchObject(
            mounts, 'read', return_value=mounts.Mounts([base.LOCAL])))
        self.conf = os.path.join(self.root, 'snapdriver.conf')
        with open(self.conf, 'w') as file:
            file.write(f'[snapdriver]\ninstances_path = {self.root}\n'
                       'connection_uri = test:///x\nmin_free_percent = 0\n')

    def run_main(self, *arguments: str) -> tuple[int, str]:
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            code = main.main(['--config-file', self.conf, *arguments])
        return code, out.getvalue()

    def run_json(self) -> tuple[int, dict[str, Any]]:
        code, text = self.run_main('upgrade', 'check', '--json')
        return code, {check['check']: check
                      for check in json.loads(text)['checks']}

    def test_success(self) -> None:
        code, text = self.run_main('upgrade', 'check')
        self.assertEqual(0, code, text)
        for name, _ in main.CHECKS:
            self.assertIn(f'Check: {name}', text)

    def test_json(self) -> None:
        code, found = self.run_json()
        self.assertEqual(0, code)
        self.assertEqual([name for name, _ in main.CHECKS], list(found))
        self.assertEqual('libvirt 9.0.0',
                         found['libvirt version']['details'])
        self.assertEqual({0}, {check['result'] for check in found.values()})

    def test_the_configured_libvirt_is_asked_once(self) -> None:
        self.run_json()
        self.connect.assert_called_once_with('test:///x')

    def test_warning_is_1_and_failure_2(self) -> None:
        self.make_instance(samples.state())
        code, found = self.run_json()
        self.assertEqual((1, 1), (
            code, found['Unfinished operations']['result']))
        self.connect.side_effect = exception.ConnectionFailed(
            uri='x', reason='y')
        code, found = self.run_json()
        self.assertEqual((2, 2), (code, found['libvirt version']['result']))

    def test_a_check_that_fails_itself_is_255(self) -> None:
        self.connect.side_effect = ZeroDivisionError
        code, text = self.run_main('upgrade', 'check')
        self.assertEqual(255, code)
        self.assertIn('ZeroDivisionError', text)

    def test_documented_in_order(self) -> None:
        page = pathlib.Path(__file__).parents[3] / (
            'doc/source/cli/snapdriver-status.rst')
        headings = re.findall(r'^(.+)\n-+$', page.read_text(), re.MULTILINE)
        self.assertEqual([name for name, _ in main.CHECKS], headings)

    def test_misuse_is_2(self) -> None:
        with contextlib.redirect_stderr(io.StringIO()):
            for arguments in ((), ('upgrade',), ('downgrade', 'check')):
                self.assertEqual(2, self.assertRaises(
                    SystemExit, self.run_main, *arguments).code)

    def test_nova_conf_by_the_same_option(self) -> None:
        with open(self.conf, 'a') as file:
            file.write('[DEFAULT]\ncompute_driver = other.Driver\n'
                       'instances_path = /nowhere\n')
        _, found = self.run_json()
        self.assertEqual(2, found['Instances path']['result'])
        self.assertIn('/nowhere', found['Instances path']['details'])

    def test_nothing_is_written(self) -> None:
        self.make_instance(samples.state())
        self.touch('_base', 'disk')
        before = self.tree()
        self.run_main('upgrade', 'check')
        self.assertEqual(before, self.tree())

    def tree(self) -> list[tuple[str, int, int]]:
        return sorted(
            (path, os.stat(path).st_mtime_ns, os.stat(path).st_mode)
            for where, _, files in os.walk(self.root)
            for path in [where, *(os.path.join(where, f) for f in files)])
