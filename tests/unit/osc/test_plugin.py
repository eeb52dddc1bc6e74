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

"""What OpenStackClient loads, and what that does not need."""

import argparse
import subprocess
import sys
import types

import testtools

from snapdriver.osc import plugin

_LOAD = """
import importlib, pkgutil, sys
from snapdriver import osc
for found in pkgutil.iter_modules(osc.__path__, 'snapdriver.osc.'):
    importlib.import_module(found.name)
print(*sorted({name.partition('.')[0] for name in sys.modules} & {
    'libvirt', 'nova', 'oslo_config', 'oslo_privsep', 'stevedore'}))
print(*sorted(name for name in sys.modules
              if name.startswith('snapdriver.')
              and not name.startswith('snapdriver.osc')))
"""


class PluginTestCase(testtools.TestCase):
    def test_it_needs_neither_libvirt_nor_the_engine(self):
        told = subprocess.run(
            [sys.executable, '-c', _LOAD], check=True, capture_output=True,
            text=True).stdout.splitlines()
        self.assertNotIn('libvirt', told[0])
        self.assertNotIn('nova', told[0])
        self.assertNotIn('oslo', told[0])
        # Only how the other command shows things, and what is pure.
        self.assertEqual(
            ['snapdriver.exception', 'snapdriver.model', 'snapdriver.naming'],
            [name for name in told[1].split()
             if not name.startswith('snapdriver.cli')])

    def test_its_group(self):
        parser = plugin.build_option_parser(argparse.ArgumentParser())
        chosen = parser.parse_args([]).os_server_snapshot_api_version
        self.assertEqual(plugin.DEFAULT_API_VERSION, chosen)
        self.assertIn(chosen, plugin.API_VERSIONS)
        self.assertEqual('the connection', plugin.make_client(
            types.SimpleNamespace(sdk_connection='the connection')))
