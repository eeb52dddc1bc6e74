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

"""Nova: its release, our package in it, its configuration."""

from importlib import metadata
import os
import sys
from typing import Any
from unittest import mock

import fixtures
from oslo_upgradecheck import upgradecheck

from snapdriver.status import nova_release
from snapdriver.status import novaconf
from snapdriver.status import shim
from tests.unit.status import base


class ReleaseTest(base.StatusTest):
    def check(self, version: str, **values: Any) -> upgradecheck.Result:
        with mock.patch.object(metadata, 'version', autospec=True,
                               return_value=version) as asked:
            found = nova_release.check(self.host(**values))
        asked.assert_called_once_with('nova')
        return found

    def test_supported(self) -> None:
        self.assert_success(self.check('34.0.0'), 'Nova 34.0.0')
        for version in ('31.3.0', '32.0.0.0rc1', '33.1.2'):
            self.assert_warning(self.check(version), version, 'only')

    def test_others(self) -> None:
        for version in ('30.2.0', '35.0.0', 'unknown'):
            self.assert_failure(self.check(version), version, '31 to 34',
                                'compute_driver')

    def test_not_here(self) -> None:
        gone = metadata.PackageNotFoundError
        with mock.patch.object(metadata, 'version', side_effect=gone):
            self.assert_success(nova_release.check(self.host()),
                                'Nova is not here')
            self.assert_warning(
                nova_release.check(self.host(nova=self.nova())),
                'Run the snapdriver-status that lies beside nova-compute')


class ShimTest(base.StatusTest):
    """With a Nova of a few files, first in this process's path."""

    def setUp(self) -> None:
        super().setUp()
        self.addCleanup(setattr, sys, 'path', sys.path)
        sys.path = [self.root, *sys.path]
        self.useFixture(fixtures.EnvironmentVariable(
            'PYTHONPATH', self.root))
        self.assertNotIn('nova', sys.modules)

    def make_nova(self, shim_text: str | None = None) -> None:
        self.touch('nova', '__init__.py')
        self.touch('nova', 'virt', '__init__.py')
        if shim_text is not None:
            path = self.touch('nova', 'virt', 'snapdriver', '__init__.py')
            with open(path, 'w') as file:
                file.write(shim_text)

    def test_importable(self) -> None:
        self.make_nova('class SnapshotLibvirtDriver: pass')
        self.assert_success(shim.check(self.host(nova=self.nova())),
                            'can be imported')
        self.assertNotIn('nova', sys.modules)

    def test_missing(self) -> None:
        self.make_nova()
        self.assert_failure(
            shim.check(self.host()),
            os.path.join(self.root, 'nova/virt/snapdriver/__init__.py'),
            'wheel')

    def test_broken(self) -> None:
        self.make_nova('import no_such_module')
        self.assert_failure(shim.check(self.host()), 'cannot be imported',
                            "No module named 'no_such_module'")

    def test_without_the_class(self) -> None:
        self.make_nova('')
        self.assert_failure(shim.check(self.host()), 'SnapshotLibvirtDriver')

    def test_a_directory_of_that_name_is_not_nova(self) -> None:
        self.touch('nova', 'virt', 'snapdriver', '__init__.py')
        self.assert_success(shim.check(self.host()), 'Nova is not here')
        self.assert_warning(shim.check(self.host(nova=self.nova())),
                            'beside nova-compute')

    def test_what_nova_conf_says(self) -> None:
        self.make_nova('SnapshotLibvirtDriver = None')
        other = self.nova(compute_driver='libvirt.LibvirtDriver')
        self.assert_warning(shim.check(self.host(nova=other)),
                            'libvirt.LibvirtDriver', novaconf.DRIVER)
        other = self.nova(images_type='rbd')
        self.assert_warning(shim.check(self.host(nova=other)), 'rbd')
        self.assert_success(shim.check(self.host(
            nova=self.nova(images_type='qcow2'))))
        self.assert_warning(shim.check(self.host(nova_error='Forbidden.')),
                            'root or nova', 'Forbidden.')


class ConfTest(base.StatusTest):
    def read_text(self, text: str) -> Any:
        path = os.path.join(self.root, 'nova.conf')
        with open(path, 'w') as file:
            file.write(text)
        return novaconf.read([path])

    def test_ours(self) -> None:
        found = self.read_text("""
[DEFAULT]
compute_driver = snapdriver.SnapshotLibvirtDriver
state_path = /srv/nova
[libvirt]
images_type = raw
[oslo_concurrency]
lock_path = /run/lock/nova
[snapdriver]
max_chain_depth = 20
""")
        self.assertTrue(found.is_ours)
        self.assertEqual(
            ('/srv/nova/instances', 'raw', '/run/lock/nova', 20),
            (found.instances_path, found.images_type, found.lock_path,
             found.options.max_chain_depth))

    def test_defaults_are_novas(self) -> None:
        found = self.read_text(
            '[DEFAULT]\ncompute_driver=libvirt.LibvirtDriver')
        self.assertFalse(found.is_ours)
        self.assertEqual(('/var/lib/nova/instances', 'default', None),
                         (found.instances_path, found.images_type,
                          found.lock_path))

    def test_the_file_that_debian_adds(self) -> None:
        path = self.touch('nova.conf')
        with mock.patch.object(novaconf.cfg, 'find_config_files',
                               autospec=True, return_value=[path]):
            self.assertEqual([path], novaconf.files())
            other = self.touch('nova-compute.conf')
            self.assertEqual([path, other], novaconf.files())

    def test_not_of_a_compute_host(self) -> None:
        self.assertIsNone(self.read_text('[snapdriver]\nenabled = false'))
        self.assertIsNone(novaconf.read([]))

    def test_unreadable(self) -> None:
        self.assertRaises(novaconf.UnreadableError, self.read_text, 'no sense')
        self.assertRaises(novaconf.UnreadableError, novaconf.read,
                          [os.path.join(self.root, 'none')])
        self.assertRaises(
            novaconf.UnreadableError, self.read_text,
            '[DEFAULT]\ncompute_driver=x\nstate_path=$no_such_option')
