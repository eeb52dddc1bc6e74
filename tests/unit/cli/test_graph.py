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

"""``domain graph``."""

import os
import pathlib
import stat
import xml.etree.ElementTree as ET

import fixtures
import libvirt

from snapdriver import exception
from snapdriver.cli import session
from tests.unit import samples
from tests.unit.cli import base

# Takes what is drawn, and draws nothing.
_DOT = '''#!/bin/sh
[ "$*" = -Tsvg ] || exit 9
echo '<svg>'; grep -c digraph; echo '</svg>'
'''


class TestDomainGraph(base.TestCase):
    def setUp(self):
        super().setUp()
        self.manager.state.return_value = samples.state(uuid=base.UUID)
        self.manager.list.return_value = [
            base.info('a', id=samples.S1), base.info('b', id=samples.S2)]
        self.directory = pathlib.Path(
            self.useFixture(fixtures.TempDir()).path)

    def graph(self, *arguments, encoding='utf-8'):
        code, out, err = self.run_command('domain', 'graph', 'web',
                                          *arguments, encoding=encoding)
        self.assertEqual((0, ''), (code, err))
        return out

    def use_dot(self, script):
        """Have that as Graphviz; None for none."""
        self.useFixture(fixtures.EnvironmentVariable(
            'PATH', f'{self.directory}:{os.defpath}'
            if script else str(self.directory)))
        if script:
            (self.directory / 'dot').write_text(script)
            (self.directory / 'dot').chmod(0o755)

    def test_dot(self):
        out = self.graph()
        self.assertTrue(out.startswith('digraph '))
        self.assertTrue(out.endswith('}\n'))
        self.assertIn('running', out)
        self.assertEqual(2, out.count('196.0 KiB'))
        self.assertEqual(out, self.graph('--format', 'dot'))
        self.manager.state.assert_called_with('web')

    def test_power(self):
        self.connection.domain = base.Domain(libvirt.VIR_DOMAIN_PAUSED)
        self.assertIn('paused', self.graph())
        self.connection.domain = None
        self.assertIn('shut off', self.graph())

    def test_without_libvirt(self):
        self.connection = None
        self.useFixture(fixtures.MockPatchObject(
            session, '_open', side_effect=exception.ConnectionFailed(
                uri='x', reason='down')))
        code, out, err = self.run_command('domain', 'graph', base.UUID)
        self.assertEqual((0, ''), (code, err))
        self.assertIn('not known to run', out)

    def test_utf8_whatever_the_terminal(self):
        out = self.graph(encoding='latin-1')
        self.assertIn('d\u00e9j\u00e0',
                      out.encode('latin-1').decode('utf-8'))

    def test_output(self):
        path = self.directory / 'web.dot'
        path.write_text('old ' * 10000)
        self.assertEqual('', self.graph('--output', str(path)))
        self.assertEqual(self.graph(), path.read_text('utf-8'))
        self.assertTrue(stat.S_ISREG(path.lstat().st_mode))
        self.assert_error(1, 'No such file', 'domain', 'graph', 'web', '-o',
                          str(self.directory / 'no' / 'web.dot'))

    def test_svg(self):
        self.use_dot(_DOT)
        self.assertEqual('1', ET.fromstring(
            self.graph('-f', 'svg')).text.strip())

    def test_no_graphviz(self):
        self.use_dot(None)
        path = self.directory / 'web.svg'
        path.write_text('old')
        self.assert_error(1, 'it is not there. Install the package', 'domain',
                          'graph', 'web', '-f', 'svg', '-o', str(path))
        self.assertEqual('old', path.read_text())
        self.graph()

    def test_graphviz_fails(self):
        self.use_dot('#!/bin/sh\necho "Format: unknown" >&2; exit 1\n')
        self.assert_error(1, 'Format: unknown. Install', 'domain', 'graph',
                          'web', '-f', 'svg')

    def test_usage(self):
        self.assert_error(2, 'invalid choice', 'domain', 'graph', 'web',
                          '-f', 'png')
        self.manager.state.side_effect = exception.DomainNotFound(
            domain='other', searched='/i')
        self.assert_error(1, 'No domain "other"', 'domain', 'graph', 'other')
