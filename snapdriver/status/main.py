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

"""Running ``snapdriver-status upgrade check``."""

from collections.abc import Callable
from collections.abc import Sequence
import functools
import sys

from oslo_config import cfg
from oslo_upgradecheck import upgradecheck

from snapdriver import conf as options
from snapdriver.status import host as hosts
from snapdriver.status import instances_path
from snapdriver.status import libvirt_version
from snapdriver.status import lock_path
from snapdriver.status import names
from snapdriver.status import nova_release
from snapdriver.status import qemu_user
from snapdriver.status import qemu_version
from snapdriver.status import security_module
from snapdriver.status import shim
from snapdriver.status import space
from snapdriver.status import state_files
from snapdriver.status import unfinished

Check = Callable[[hosts.Host], upgradecheck.Result]

#: In the order of their output; the names are stable.
CHECKS: tuple[tuple[str, Check], ...] = (
    ('libvirt version', libvirt_version.check),
    ('QEMU version', qemu_version.check),
    ('QEMU user', qemu_user.check),
    ('Security module', security_module.check),
    ('Nova release', nova_release.check),
    ('Nova driver', shim.check),
    ('Instances path', instances_path.check),
    ('Locks', lock_path.check),
    ('State files', state_files.check),
    ('Unfinished operations', unfinished.check),
    ('File names', names.check),
    ('Disk space', space.check),
)


class Checks(upgradecheck.UpgradeCommands):
    """All checks, of the host that is looked at when the first one runs.

    :param look: what looks at it; the configuration is read by then.
    """

    display_title = 'snapdriver Upgrade Check Results'

    def __init__(self, look: Callable[[], hosts.Host]) -> None:
        super().__init__()
        self._look = look
        self._upgrade_checks = tuple(
            (name, (_run, {'check': check})) for name, check in CHECKS)

    @functools.cached_property
    def host(self) -> hosts.Host:
        return self._look()


def _run(checks: Checks, check: Check) -> upgradecheck.Result:
    return check(checks.host)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the checks and print what they found.

    :param argv: arguments; by default those of the process.
    :returns: 0 if all is well, 1 if something should be looked at, 2 if
        something must be, 255 if a check itself failed.
    """
    conf = cfg.ConfigOpts()
    options.register_opts(conf)
    return upgradecheck.main(
        conf, project='snapdriver',
        upgrade_command=Checks(lambda: hosts.of(conf)),
        argv=list(sys.argv[1:] if argv is None else argv))
