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

"""What Nova's configuration says, read without Nova.

Nova may be installed for another Python, in a container, or not at all. The
options are Nova's (``nova.conf.paths``, ``nova.conf.compute``,
``nova.conf.libvirt``) and oslo.concurrency's.
"""

from collections.abc import Sequence
import dataclasses
import os
from typing import Any

from oslo_config import cfg

from snapdriver import conf as options

#: What ``compute_driver`` has to be.
DRIVER = 'snapdriver.SnapshotLibvirtDriver'

_OPTS = (
    cfg.StrOpt('compute_driver'),
    cfg.StrOpt('state_path', default='/var/lib/nova'),
    cfg.StrOpt('instances_path', default='$state_path/instances'),
)
_LIBVIRT_OPTS = (cfg.StrOpt('images_type', default='default'),)
_LOCK_OPTS = (cfg.StrOpt('lock_path'),)


class UnreadableError(Exception):
    """There is a file, and it cannot be read."""


@dataclasses.dataclass(frozen=True, slots=True)
class NovaConf:
    """:ivar files: that it was read from.
    :ivar lock_path: None if it is not set.
    :ivar options: its group ``[snapdriver]``.
    """

    files: tuple[str, ...]
    instances_path: str = '/var/lib/nova/instances'
    compute_driver: str = 'libvirt.LibvirtDriver'
    images_type: str = 'default'
    lock_path: str | None = None
    options: Any = None

    @property
    def is_ours(self) -> bool:
        return self.compute_driver == DRIVER


def files() -> list[str]:
    """Nova's configuration files, where Nova looks for them.

    Debian's and Ubuntu's nova-compute is started with another one besides,
    which names the driver.
    """
    found = list(cfg.find_config_files('nova'))
    for name in list(found):
        compute = os.path.join(os.path.dirname(name), 'nova-compute.conf')
        if os.path.exists(compute):
            found.append(compute)
    return found


def read(names: Sequence[str]) -> NovaConf | None:
    """What those files say; None if they are not a compute host's.

    nova-compute does not start without ``compute_driver``.

    :raises UnreadableError: one of them cannot be read.
    """
    if not names:
        return None
    conf = cfg.ConfigOpts()
    conf.register_opts(_OPTS)
    conf.register_opts(_LIBVIRT_OPTS, group='libvirt')
    conf.register_opts(_LOCK_OPTS, group='oslo_concurrency')
    try:
        conf(args=[], project='nova', default_config_files=list(names),
             default_config_dirs=[])
        if conf.compute_driver is None:
            return None
        return NovaConf(
            files=tuple(names), instances_path=conf.instances_path,
            compute_driver=conf.compute_driver,
            images_type=conf.libvirt.images_type,
            lock_path=conf.oslo_concurrency.lock_path,
            options=options.options(conf))
    except cfg.Error as error:
        raise UnreadableError(str(error)) from error
