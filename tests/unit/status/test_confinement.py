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

"""Who QEMU runs as, and what confines it."""

from typing import Any

from oslo_upgradecheck import upgradecheck

from snapdriver.status import hypervisor
from snapdriver.status import qemu_user
from snapdriver.status import security_module
from tests.unit.status import base

_CAPABILITIES = """
<capabilities><host>
  <secmodel><model>apparmor</model><doi>0</doi></secmodel>
  <secmodel><model>dac</model><doi>0</doi>
    <baselabel type='kvm'>+64055:+64055</baselabel>
    <baselabel type='qemu'>+0:+0</baselabel>
  </secmodel>
</host></capabilities>"""


class ModelsTest(base.StatusTest):
    def test_of_capabilities(self) -> None:
        self.assertEqual(
            {'apparmor': (), 'dac': ('+64055:+64055', '+0:+0')},
            hypervisor.models(_CAPABILITIES))
        self.assertEqual({}, hypervisor.models('<capabilities/>'))


class UserTest(base.StatusTest):
    def check(self, *labels: str, **values: Any) -> upgradecheck.Result:
        models = {'dac': labels} if labels else {}
        return qemu_user.check(self.host(models=models, **values))

    def test_of_its_own(self) -> None:
        self.assert_success(self.check('+64055:+64055', '+64055:+64055'))
        self.assert_success(self.check('+1000:+0'))

    def test_root(self) -> None:
        for label in ('+0:+0', '+0:+64055', 'root:root'):
            self.assert_warning(self.check('+64055:+64055', label),
                                'runs as root', 'qemu.conf')

    def test_none_of_its_own(self) -> None:
        self.assert_warning(self.check(), 'may run as root', 'qemu.conf')
        # There the daemon is not root either.
        self.assert_success(self.check(uri='qemu:///session'))

    def test_libvirt_not_there(self) -> None:
        self.assert_warning(qemu_user.check(self.deaf_host()), 'Not checked')


class ModuleTest(base.StatusTest):
    def check(self, *models: str, libvirt: hypervisor.Version = (9, 0, 0)
              ) -> upgradecheck.Result:
        return security_module.check(self.host(
            libvirt=libvirt, models=dict.fromkeys(models, ())))

    def test_none(self) -> None:
        self.assert_success(self.check('none', 'dac'))

    def test_apparmor(self) -> None:
        for version in ((9, 0, 0), (11, 3, 0), (12, 0, 9)):
            self.assert_warning(self.check('apparmor', libvirt=version),
                                'merge', '12.1', 'merge-pending',
                                'not tested')
        fixed = self.check('apparmor', libvirt=(12, 1, 0))
        self.assert_warning(fixed, 'AppArmor', 'not tested')
        self.assertNotIn('merge', fixed.details or '')

    def test_selinux(self) -> None:
        self.assert_warning(self.check('selinux'), 'SELinux', 'not tested')

    def test_libvirt_not_there(self) -> None:
        self.assert_warning(security_module.check(self.deaf_host()),
                            'Not checked')
