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

"""A manager that does nothing, and the command run on it."""

import contextlib
import io
import json
import logging
from unittest import mock

import fixtures
import libvirt
from oslo_config import cfg

from snapdriver import model
from snapdriver.cli import main
from snapdriver.cli import session
from tests.unit import base

UUID = '5a1cb3bd-1b1c-4e3a-9a3c-0d1c6b2d7f10'


def info(name, parent=None, **changes):
    values = {
        'name': name, 'id': f'id-{name}', 'kind': 'external',
        'state': 'shutoff', 'parent': parent, 'current': False,
        'created_at': '2026-01-02T03:04:05.000+00:00',
        'frozen_at': '2026-01-02T03:04:05.678+00:00',
        'consistency': 'offline',
        'disks': {'disk': {'target': 'vda', 'layer': 'disk.layer-0a1b2c3d',
                           'tag': None, 'size': 1 << 30}},
        'size': 200704, 'description': '', 'properties': {},
        'left_out': {}, 'safety': False}
    return model.SnapshotInfo(**values | changes)


class Domain:
    """What the command itself asks of a libvirt domain."""

    def __init__(self, state=libvirt.VIR_DOMAIN_RUNNING, metadata=''):
        self._state = state
        self._metadata = metadata

    def name(self):
        return 'web'

    def UUIDString(self):
        return UUID

    def state(self):
        return [self._state, 0]

    def XMLDesc(self, flags):
        return (f'<domain><name>web</name><metadata>{self._metadata}'
                '</metadata></domain>')


class Connection:
    """One domain, called web; closing is counted."""

    def __init__(self, domain=None):
        self.domain = domain
        self.closed = 0

    def _get(self, found):
        if self.domain is None or not found:
            raise libvirt.libvirtError('no domain')
        return self.domain

    def lookupByName(self, name):
        return self._get(name == 'web')

    def lookupByUUIDString(self, identity):
        return self._get(identity == UUID)

    def lookupByID(self, number):
        return self._get(number == 7)

    def close(self):
        self.closed += 1


class TestCase(base.TestCase):
    def setUp(self):
        super().setUp()
        self.manager = mock.Mock(name='manager')
        self.connection = Connection(Domain())
        self.made = self.useFixture(fixtures.MockPatchObject(
            session.managers, 'SnapshotManager',
            side_effect=self.make_manager)).mock
        self.useFixture(fixtures.MockPatchObject(
            cfg, 'find_config_files', return_value=[]))
        self.addCleanup(cfg.CONF.reset)
        root = logging.getLogger()
        self.addCleanup(setattr, root, 'handlers', list(root.handlers))
        self.addCleanup(root.setLevel, root.level)

    def make_manager(self, connection, conf, instances_path=None):
        return self.manager

    def run_command(self, *arguments, encoding='utf-8'):
        """The exit code, what went to stdout, and what to stderr."""
        out = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
        err = io.StringIO()
        with (contextlib.redirect_stdout(out),
              contextlib.redirect_stderr(err)):
            code = main.main(arguments, connection=self.connection)
        out.flush()
        return (code, out.buffer.getvalue().decode(encoding),
                err.getvalue())

    def run_json(self, *arguments):
        code, out, err = self.run_command(*arguments, '-f', 'json')
        self.assertEqual((0, ''), (code, err))
        return json.loads(out)

    def assert_error(self, code, text, *arguments):
        """The command fails with one line that has this text."""
        found, out, err = self.run_command(*arguments)
        self.assertEqual((code, ''), (found, out))
        self.assertThat(err.count('\n'), base.testtools.matchers.Equals(1))
        self.assertTrue(err.startswith('snapdriver'), err)
        self.assertIn(text, err)
