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

"""The privileged acts: each believes nothing that it is told."""

from collections.abc import Callable
import os
import stat
import subprocess
import sys
from unittest import mock

import fixtures
from oslo_privsep import capabilities
from oslo_privsep import daemon
import testtools

from snapdriver import exception
from snapdriver import privsep
from tests.unit import base

_HOSTILE = ('', '.', '..', '../outside', 'sub/file', '/etc/passwd')


class ActTest(base.TestCase):
    """As the current user; the acts are the same with privileges."""

    def setUp(self) -> None:
        super().setUp()
        self.where = self.make_directory()
        self.path = self.write(self.where, 'file')
        self.outside = os.path.join(os.path.dirname(self.where.path),
                                    'outside')

    def acts(self, name: str) -> list[Callable[[], None]]:
        path = self.where.path
        return [lambda: privsep._link(path, name, 'new'),
                lambda: privsep._chmod(path, name, 0o440),
                lambda: privsep._chown(path, name)]

    def test_link(self) -> None:
        privsep.link(self.where.path, 'file', 'new')
        self.assertTrue(self.where.same('file', 'new'))

    def test_chmod(self) -> None:
        for mode in (0o440, 0o600, 0o644, 0o664, 0o400, 0):
            privsep.chmod(self.where.path, 'file', mode)
            self.assertEqual(mode, stat.S_IMODE(os.stat(self.path).st_mode))

    def test_chmod_lets_others_read_at_most(self) -> None:
        for mode in (0o4600, 0o2600, 0o1600, 0o601, 0o602, 0o610, 0o700,
                     0o646, 0o666, 0o777, -1, 1 << 20):
            self.assertRaises(ValueError, privsep.chmod, self.where.path,
                              'file', mode)
        self.assertEqual(0o600, stat.S_IMODE(os.stat(self.path).st_mode))

    def test_give_to_owner(self) -> None:
        if base.AS_ROOT:
            os.chown(self.path, 12345, 12345)
        privsep.give_to_owner(self.where.path, 'file')
        found = os.stat(self.path)
        self.assertEqual((self.where.uid, self.where.gid),
                         (found.st_uid, found.st_gid))

    def test_hostile_names(self) -> None:
        for name in _HOSTILE:
            for act in self.acts(name):
                self.assertRaises(ValueError, act)

    def test_the_new_name_stays_inside(self) -> None:
        for name in (*_HOSTILE, self.outside):
            self.assertRaises(ValueError, privsep._link, self.where.path,
                              'file', name)
        self.assertFalse(os.path.lexists(self.outside))
        self.assertEqual(1, os.stat(self.path).st_nlink)

    def test_links_and_special_files(self) -> None:
        os.rename(self.path, self.outside)
        self.write(self.where, 'inside')
        for make in (lambda: os.symlink(self.outside, self.path),
                     lambda: os.symlink('inside', self.path),
                     lambda: os.link(self.outside, self.path),
                     lambda: os.mkfifo(self.path)):
            make()
            for act in self.acts('file'):
                self.assertRaises(PermissionError, act)
            os.unlink(self.path)
        os.mkdir(self.path)
        for act in self.acts('file'):
            self.assertRaises(PermissionError, act)
        self.assertEqual(0o600, stat.S_IMODE(os.stat(self.outside).st_mode))

    def test_a_link_inside_is_fine(self) -> None:
        os.link(self.path, self.where.path_of('second'))
        for act in self.acts('file'):
            act()

    def test_a_link_instead_of_the_directory(self) -> None:
        os.symlink(self.where.path, self.outside)
        self.assertRaises(OSError, privsep._chmod, self.outside, 'file',
                          0o440)

    def test_missing(self) -> None:
        for act in self.acts('none'):
            self.assertRaises(FileNotFoundError, act)

    def test_no_descriptor_stays_open(self) -> None:
        before = len(os.listdir('/proc/self/fd'))
        for act in (*self.acts('file'), *self.acts('none'),
                    *self.acts('..')):
            try:
                act()
            except (OSError, ValueError):
                pass
        self.assertEqual(before, len(os.listdir('/proc/self/fd')))


class AskerTest(base.TestCase):
    """Who may ask: only the directory's owner, who is never root."""

    def asks(self, path: str, asker: int | None) -> None:
        value = None if asker is None else str(asker)
        with fixtures.EnvironmentVariable('SUDO_UID', value):
            privsep._chmod(path, 'file', 0o440, privileged=True)

    def test_the_owner(self) -> None:
        where = self.make_directory()
        self.write(where, 'file')
        if where.uid == 0:
            self.skipTest('a plain user is needed')
        self.asks(where.path, where.uid)
        self.asks(where.path, None)

    def test_another_user(self) -> None:
        where = self.make_directory()
        path = self.write(where, 'file')
        for asker in (where.uid + 1, 0):
            self.assertRaises(PermissionError, self.asks, where.path, asker)
        self.assertEqual(0o600, stat.S_IMODE(os.stat(path).st_mode))

    def test_nobody_acts_in_directories_of_root(self) -> None:
        for asker in ('0', '1000', None):
            with fixtures.EnvironmentVariable('SUDO_UID', asker):
                self.assertFalse(privsep._is_asker(0))

    def test_every_act_asks(self) -> None:
        # In the helper's place: without starting one.
        privsep.CONTEXT.set_client_mode(False)
        self.addCleanup(privsep.CONTEXT.set_client_mode, True)
        where = self.make_directory()
        self.write(where, 'file')
        arguments = {'link': ('file', 'new'), 'chmod': ('file', 0o440),
                     'chown': ('file',), 'share': ('file',)}
        self.assertEqual({*arguments, 'nothing'}, set(privsep._ACTS))
        with fixtures.EnvironmentVariable('SUDO_UID', str(where.uid + 1)):
            for act, rest in arguments.items():
                self.assertRaises(PermissionError, privsep._privileged,
                                  act, where.path, *rest)


class HelperTest(testtools.TestCase):
    """When the helper is asked, and what its failures become."""

    def setUp(self) -> None:
        super().setUp()
        self.helper = self.patch_object(privsep, '_privileged')
        self.act = mock.Mock(side_effect=PermissionError(1, 'not yours'))
        patch = mock.patch.dict(privsep._ACTS, {'chmod': self.act})
        patch.start()
        self.addCleanup(patch.stop)

    def patch_object(self, target: object, name: str) -> mock.Mock:
        patch = mock.patch.object(target, name)
        self.addCleanup(patch.stop)
        return patch.start()

    def as_user(self, uid: int) -> None:
        self.patch_object(os, 'geteuid').return_value = uid

    def test_not_if_the_kernel_allows_it(self) -> None:
        self.as_user(1000)
        self.act.side_effect = None
        privsep.chmod('/dir', 'file', 0o440)
        self.act.assert_called_once_with('/dir', 'file', 0o440)
        self.helper.assert_not_called()

    def test_if_the_kernel_refuses_it(self) -> None:
        self.as_user(1000)
        privsep.chmod('/dir', 'file', 0o440)
        self.helper.assert_called_once_with('chmod', '/dir', 'file', 0o440)

    def test_never_by_root(self) -> None:
        self.as_user(0)
        error = self.assertRaises(exception.PrivilegeMissing, privsep.chmod,
                                  '/dir', 'file', 0o440)
        self.assertEqual(('/dir/file', 'not yours'),
                         (error.path, error.reason))
        self.helper.assert_not_called()

    def test_not_for_other_failures(self) -> None:
        self.as_user(1000)
        self.act.side_effect = FileNotFoundError
        self.assertRaises(FileNotFoundError, privsep.chmod, '/dir', 'file',
                          0o440)
        self.helper.assert_not_called()

    def test_no_helper(self) -> None:
        self.as_user(1000)
        for failure in (daemon.FailedToDropPrivileges('no sudo'),
                        FileNotFoundError(2, 'no sudo'),
                        PermissionError(1, 'no sudo')):
            self.helper.side_effect = failure
            for call in (privsep.ready,
                         lambda: privsep.chmod('/dir', 'file', 0o440)):
                error = self.assertRaises(exception.PrivilegeMissing, call)
                self.assertIn('no sudo', str(error))

    def test_ready(self) -> None:
        self.useFixture(fixtures.MonkeyPatch(
            'snapdriver.privsep._ready', False))
        self.as_user(0)
        privsep.ready()
        self.helper.assert_not_called()
        self.as_user(1000)
        privsep.ready()
        self.helper.assert_called_once()

    def test_few_capabilities(self) -> None:
        # In a process of its own, as the helper: resetting the configuration
        # in another test takes the defaults away.
        shown = subprocess.run(
            [sys.executable, '-c', 'from snapdriver import privsep; '
             'print(*privsep.CONTEXT.conf.capabilities)'],
            check=True, capture_output=True, text=True).stdout
        self.assertEqual(
            {capabilities.CAP_CHOWN, capabilities.CAP_FOWNER,
             capabilities.CAP_DAC_OVERRIDE, capabilities.CAP_SYS_ADMIN},
            set(map(int, shown.split())))
