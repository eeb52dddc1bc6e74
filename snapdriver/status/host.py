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

"""What the checks look at: one host."""

from collections.abc import Callable
import dataclasses
import functools
import os
from typing import Any

from oslo_config import cfg

from snapdriver import conf as options
from snapdriver import exception
from snapdriver.status import hypervisor as hypervisors
from snapdriver.status import mounts
from snapdriver.status import novaconf
from snapdriver.status import states as state_files


@dataclasses.dataclass
class Host:
    """One host.

    :ivar options: group ``[snapdriver]``, as the command reads it.
    :ivar nova: what Nova's configuration says; None without one.
    :ivar nova_error: why it could not be read, if so.
    :ivar connect: asks libvirt; raises ConnectionFailed.
    :ivar file_systems: those that are mounted.
    """

    options: Any
    nova: novaconf.NovaConf | None = None
    nova_error: str | None = None
    connect: Callable[[], hypervisors.Hypervisor] = hypervisors.ask
    file_systems: mounts.Mounts = dataclasses.field(
        default_factory=mounts.read)

    @functools.cached_property
    def _hypervisor(self) -> hypervisors.Hypervisor | str:
        try:
            return self.connect()
        except exception.ConnectionFailed as error:
            return str(error)

    @property
    def hypervisor(self) -> hypervisors.Hypervisor | None:
        """What libvirt says of itself; None if it cannot be asked."""
        found = self._hypervisor
        return None if isinstance(found, str) else found

    @property
    def hypervisor_error(self) -> str:
        found = self._hypervisor
        return found if isinstance(found, str) else ''

    @property
    def is_compute(self) -> bool:
        """Whether Nova's configuration names our driver."""
        return self.nova is not None and self.nova.is_ours

    @property
    def all_options(self) -> list[Any]:
        """``[snapdriver]`` as the command reads it, and as nova-compute."""
        found = [self.options]
        if self.is_compute and self.nova is not None:
            found.append(self.nova.options)
        return found

    @property
    def instances_paths(self) -> list[str]:
        """Where instances may lie: as nova-compute has it, and the command.

        Only those that are there; each once.
        """
        named = [self.options.instances_path]
        if self.nova is not None:
            named.insert(0, self.nova.instances_path)
        return list(dict.fromkeys(
            os.path.realpath(path) for path in named if os.path.isdir(path)))

    @functools.cached_property
    def states(self) -> list[state_files.Found]:
        """The state file of every instance, read or not."""
        return [found for path in self.instances_paths
                for found in state_files.below(path)]


def of(conf: cfg.ConfigOpts) -> Host:
    """This host, with a configuration that has been read.

    Nova's configuration is looked for where Nova does, or in the files that
    the command line names.
    """
    values = options.options(conf)
    try:
        nova = novaconf.read(_named(conf) or novaconf.files())
        error = None
    except novaconf.UnreadableError as failed:
        nova, error = None, str(failed)
    return Host(values, nova, error, functools.partial(
        hypervisors.ask, values.connection_uri))


def _named(conf: cfg.ConfigOpts) -> list[str]:
    """The files that --config-file gives; none without it."""
    found = conf.get_location('config_file')
    if found is None or found.location is not cfg.Locations.command_line:
        return []
    return list(conf.config_file)
