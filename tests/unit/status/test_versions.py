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

"""Known bad versions, at the edges of each range."""

from typing import Any

from oslo_upgradecheck import upgradecheck

from snapdriver.status import hypervisor
from snapdriver.status import known_bad
from snapdriver.status import libvirt_version
from snapdriver.status import qemu_version
from tests.unit.status import base


def _version(major: int, minor: int, micro: int) -> hypervisor.Version:
    return major, minor, micro


class LibvirtTest(base.StatusTest):
    def check(self, *version: int,
              **options: Any) -> upgradecheck.Result:
        return libvirt_version.check(self.host(
            libvirt=_version(*version), **options))

    def test_good(self) -> None:
        for version in ((9, 0, 0), (10, 0, 0), (10, 7, 9), (11, 4, 0),
                        (12, 0, 0), (12, 8, 0)):
            self.assert_success(self.check(*version),
                                '.'.join(map(str, version)))

    def test_too_old(self) -> None:
        self.assert_failure(self.check(7, 10, 9), '7.10.9', 'Upgrade')
        self.assert_warning(self.check(8, 0, 0), 'not tested')
        self.assert_warning(self.check(8, 10, 0), 'not tested')

    def test_internal_revert(self) -> None:
        self.assert_success(self.check(11, 1, 9))
        for version in ((11, 2, 0), (11, 3, 0), (11, 3, 9)):
            self.assert_warning(self.check(*version), 'internal', '11.4')

    def test_depth_matters_only_beyond_what_it_can(self) -> None:
        for version in ((10, 8, 0), (11, 10, 0)):
            self.assert_success(self.check(*version, max_chain_depth=24))
            self.assert_failure(self.check(*version, max_chain_depth=25),
                                'max_chain_depth to 24', '12.0')
        for version in ((10, 7, 0), (12, 0, 0)):
            self.assert_success(self.check(*version, max_chain_depth=25))

    def test_depth_of_nova_compute_counts_too(self) -> None:
        nova = self.nova(options=self.options(max_chain_depth=30))
        self.assert_failure(self.check(10, 8, 0, nova=nova))
        # Its [snapdriver] is read by our driver only.
        nova = self.nova(options=self.options(max_chain_depth=30),
                         compute_driver='libvirt.LibvirtDriver')
        self.assert_success(self.check(10, 8, 0, nova=nova))

    def test_two_flaws_are_both_told(self) -> None:
        self.assert_failure(self.check(11, 3, 0, max_chain_depth=25),
                            'max_chain_depth', 'internal')

    def test_not_there(self) -> None:
        self.assert_failure(libvirt_version.check(self.deaf_host()),
                            'nobody is there', 'Check that the daemon runs')


class QemuTest(base.StatusTest):
    def check(self, *version: int) -> upgradecheck.Result:
        return qemu_version.check(self.host(qemu=_version(*version)))

    def test_good(self) -> None:
        for version in ((7, 2, 22), (8, 0, 9), (8, 2, 0), (10, 0, 8),
                        (11, 1, 3)):
            self.assert_success(self.check(*version),
                                '.'.join(map(str, version)))

    def test_bad(self) -> None:
        self.assert_failure(self.check(6, 1, 9), '6.1.9')
        self.assert_warning(self.check(6, 2, 0), 'not tested')
        self.assert_warning(self.check(8, 1, 0), '1821')
        self.assert_warning(self.check(10, 0, 0), '3273')
        self.assert_warning(self.check(10, 0, 7), '3273')

    def test_none(self) -> None:
        self.assert_failure(qemu_version.check(self.host(qemu=None)),
                            'no QEMU')

    def test_libvirt_not_there(self) -> None:
        self.assert_warning(qemu_version.check(self.deaf_host()),
                            'Not checked')


class TableTest(base.StatusTest):
    def test_ranges_and_remedies(self) -> None:
        for flaw in known_bad.LIBVIRT + known_bad.QEMU:
            self.assertLess(flaw.since, flaw.before or (999,))
            self.assertRegex(flaw.text, r'upgrade|Upgrade')
            self.assertRegex(flaw.text, r'^([A-Z]|snapdriver).*\.$')
