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

"""Where things lie: file systems, the instances path, locks, space."""

import os
from typing import Any

from oslo_upgradecheck import upgradecheck

from snapdriver.status import instances_path
from snapdriver.status import lock_path
from snapdriver.status import mounts
from snapdriver.status import space
from tests.unit import base as unit
from tests.unit.status import base

_MOUNTINFO = r"""
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:25 / /srv rw,relatime - xfs /dev/sdb1 rw
31 30 0:26 / /srv/a\040b rw shared:5 - nfs4 host:/x rw,vers=4.2,nolock
32 22 0:27 / /srv rw,noatime - ext4 /dev/sdc1 rw
""".lstrip()


class MountsTest(base.StatusTest):
    def setUp(self) -> None:
        super().setUp()
        path = os.path.join(self.root, 'mountinfo')
        with open(path, 'w') as file:
            file.write(_MOUNTINFO)
        self.mounts = mounts.read(path)

    def test_the_nearest_and_the_last(self) -> None:
        for path, point, kind in (
                ('/', '/', 'ext4'), ('/etc/passwd', '/', 'ext4'),
                ('/srv', '/srv', 'ext4'), ('/srv/x', '/srv', 'ext4'),
                ('/srvx', '/', 'ext4'), ('/srv/a b/c', '/srv/a b', 'nfs4')):
            found = self.mounts.of(path)
            self.assertEqual((point, kind), (found.point, found.type), path)

    def test_what_it_is_like(self) -> None:
        nfs, ext4 = self.mounts.of('/srv/a b'), self.mounts.of('/')
        self.assertEqual((True, True, True), (
            nfs.is_shared, nfs.locks_are_local, nfs.has_links))
        self.assertEqual((False, False, True), (
            ext4.is_shared, ext4.locks_are_local, ext4.has_links))
        self.assertFalse(mounts.Mount('/', 'vfat').has_links)

    def test_of_this_machine(self) -> None:
        self.assertNotEqual('unknown', mounts.read().of(self.root).type)


class InstancesPathTest(base.StatusTest):
    def check(self, **values: Any) -> upgradecheck.Result:
        return instances_path.check(self.host(**values))

    def test_good(self) -> None:
        self.assert_success(self.check(), self.root)
        self.assert_success(self.check(nova=self.nova()), self.root)
        # The same place by another way.
        link = os.path.join(self.root, 'link')
        os.symlink(self.root, link)
        self.assert_success(self.check(
            nova=self.nova(instances_path=link)))

    def test_no_instances_here(self) -> None:
        self.assert_success(self.check(instances_path='/no/such/path'),
                            '/no/such/path')

    def test_another_than_novas(self) -> None:
        self.assert_warning(self.check(
            nova=self.nova(), instances_path='/elsewhere'),
            self.root, '/elsewhere', '[snapdriver]')

    def test_novas_is_gone(self) -> None:
        gone = os.path.join(self.root, 'gone')
        self.assert_failure(self.check(
            nova=self.nova(instances_path=gone), instances_path=gone), gone)

    def test_file_systems(self) -> None:
        self.assert_failure(self.check(mount=mounts.Mount('/', 'vfat')),
                            'no hard links')
        for kind in ('nfs4', 'ceph', 'fuse.glusterfs'):
            self.assert_warning(self.check(mount=mounts.Mount('/', kind)),
                                kind, 'not tested', '"host"')

    def test_root_owns_it(self) -> None:
        if not unit.AS_ROOT:
            self.skipTest('only root can give it to root')
        os.chown(self.root, 0, 0)
        self.assert_failure(self.check(nova=self.nova()), 'belongs to root')
        self.assert_success(self.check())


class LockPathTest(base.StatusTest):
    def check(self, **values: Any) -> upgradecheck.Result:
        return lock_path.check(self.host(**values))

    def mount(self, *options: str) -> mounts.Mount:
        return mounts.Mount('/', 'nfs4', frozenset(options))

    def test_good(self) -> None:
        self.assert_success(self.check())
        self.assert_success(self.check(nova=self.nova(
            lock_path='/var/lib/nova/tmp')))
        self.assert_success(self.check(mount=self.mount('local_lock=none')))
        # Local locks are enough on a local file system.
        self.assert_success(self.check(mount=mounts.Mount(
            '/', 'ext4', frozenset({'nolock'}))))

    def test_locks_of_one_host_on_storage_of_many(self) -> None:
        for option in ('nolock', 'local_lock=all', 'local_lock=posix'):
            self.assert_failure(self.check(mount=self.mount(option)),
                                self.root, 'two hosts')

    def test_novas_is_shared(self) -> None:
        self.assert_warning(self.check(
            mount=self.mount(), nova=self.nova(lock_path='/srv/locks')),
            '/srv/locks', 'wait for each other')

    def test_novas_is_the_instances_path(self) -> None:
        self.assert_warning(self.check(
            nova=self.nova(lock_path=self.root)), 'directory of its own')


class SpaceTest(base.StatusTest):
    def test_enough_and_not(self) -> None:
        self.assert_success(space.check(self.host(min_free_percent=0)),
                            self.root)
        self.assert_warning(space.check(self.host(min_free_percent=100)),
                            '100 %', 'min_free_percent')

    def test_what_nova_compute_wants_free(self) -> None:
        nova = self.nova(options=self.options(min_free_percent=100))
        self.assert_warning(space.check(self.host(
            nova=nova, min_free_percent=0)), '100 %')

    def test_nothing_there(self) -> None:
        self.assert_success(space.check(self.host(
            instances_path='/no/such/path')))
