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

"""A host made of inputs, with real files below a temporary directory."""

import os
from typing import Any

import fixtures
from oslo_config import cfg
from oslo_upgradecheck import upgradecheck

from snapdriver import conf
from snapdriver import directory
from snapdriver import exception
from snapdriver import instance
from snapdriver import model
from snapdriver import state as state_file
from snapdriver.status import host as hosts
from snapdriver.status import hypervisor
from snapdriver.status import mounts
from snapdriver.status import novaconf
from tests.unit import base
from tests.unit import samples

LOCAL = mounts.Mount('/', 'ext4')


class StatusTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.root = self.useFixture(fixtures.TempDir()).path
        os.chmod(self.root, 0o755)
        if base.AS_ROOT:
            os.chown(self.root, base.OWNER, base.OWNER)

    def options(self, **values: Any) -> Any:
        config = cfg.ConfigOpts()
        conf.register_opts(config)
        for name, value in ({'instances_path': self.root} | values).items():
            config.set_override(name, value, group=conf.GROUP)
        return config[conf.GROUP]

    def nova(self, **values: Any) -> novaconf.NovaConf:
        return novaconf.NovaConf(**({
            'files': ('/etc/nova/nova.conf',), 'instances_path': self.root,
            'compute_driver': novaconf.DRIVER,
            'options': self.options()} | values))

    def host(self, libvirt: hypervisor.Version = (9, 0, 0),
             qemu: hypervisor.Version | None = (7, 2, 22),
             models: dict[str, tuple[str, ...]] | None = None,
             uri: str = 'qemu:///system',
             mount: mounts.Mount = LOCAL,
             nova: novaconf.NovaConf | None = None,
             nova_error: str | None = None, **values: Any) -> hosts.Host:
        """:param values: of options in [snapdriver]."""
        found = hypervisor.Hypervisor(
            libvirt, qemu, {'none': (), 'dac': ('+64055:+64055',) * 2}
            if models is None else models, uri)
        return hosts.Host(self.options(**values), nova, nova_error,
                          lambda: found, mounts.Mounts([mount]))

    def deaf_host(self) -> hosts.Host:
        """A host on which libvirt does not answer."""
        def refuse() -> hypervisor.Hypervisor:
            raise exception.ConnectionFailed(uri='qemu:///system',
                                             reason='nobody is there')
        return hosts.Host(self.options(), connect=refuse)

    def make_instance(self, state: model.State | None = None,
                      root: str | None = None) -> str:
        """An instance's directory with that state; returns its path."""
        state = samples.state(operation=None, jobs={}) if (
            state is None) else state
        path = os.path.join(root or self.root, state.uuid)
        os.mkdir(path)
        os.mkdir(os.path.join(path, instance.FOLDER), 0o700)
        where = directory.Directory(os.path.join(path, instance.FOLDER))
        self.addCleanup(where.close)
        state_file.save(where, state)
        return path

    def touch(self, *parts: str) -> str:
        path = os.path.join(self.root, *parts)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w'):
            pass
        return path

    def assert_success(self, result: upgradecheck.Result,
                       text: str = '') -> None:
        self._assert(upgradecheck.Code.SUCCESS, result, [text])

    def assert_warning(self, result: upgradecheck.Result,
                       *texts: str) -> None:
        self._assert(upgradecheck.Code.WARNING, result, texts)

    def assert_failure(self, result: upgradecheck.Result,
                       *texts: str) -> None:
        self._assert(upgradecheck.Code.FAILURE, result, texts)

    def _assert(self, code: upgradecheck.Code, result: upgradecheck.Result,
                texts: Any) -> None:
        self.assertEqual((code, []), (result.code, [
            text for text in texts if text not in (result.details or '')]),
            result.details)
