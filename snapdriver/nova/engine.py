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

"""The engine as Nova's driver uses it: its own connection and paths."""

from collections.abc import Iterator
import contextlib
import os
from typing import Any

from nova import conf as nova_conf
from nova import exception as nova_exception
from oslo_log import log as logging

from snapdriver import conf as options
from snapdriver import exception
from snapdriver import instance as instances
from snapdriver import manager as managers
from snapdriver import model

LOG = logging.getLogger(__name__)
CONF = nova_conf.CONF


class Engine:
    """Snapshots of Nova's instances, by their UUIDs.

    :param host: a ``nova.virt.libvirt.host.Host``.
    """

    def __init__(self, host: Any) -> None:
        self._host = host
        self._connected: tuple[Any, managers.SnapshotManager] | None = None
        self.options: Any = options.options(CONF)

    @property
    def manager(self) -> managers.SnapshotManager:
        """Over Nova's connection, which is another one after a reconnect."""
        connection = self._host.get_connection()
        if self._connected is None or self._connected[0] is not connection:
            self._connected = connection, managers.SnapshotManager(
                connection, CONF, CONF.instances_path)
        return self._connected[1]

    @property
    def reader(self) -> managers.SnapshotManager:
        """For what needs no libvirt: the state files tell it."""
        return managers.SnapshotManager(None, CONF, CONF.instances_path)

    def path(self, uuid: str) -> str:
        """The instance's directory, as ``libvirt_utils.get_instance_path``."""
        return os.path.join(CONF.instances_path, uuid)

    def knows(self, uuid: str) -> bool:
        """Whether an instance ever had local snapshots; costs one lstat.

        Where it is false, everything is what the stock driver does.
        """
        return os.path.lexists(instances.state_path(self.path(uuid), uuid))

    def uuids(self) -> list[str]:
        """Of all instances of this host that :meth:`knows` is true for."""
        try:
            return [uuid for uuid, path
                    in instances.state_paths(CONF.instances_path)
                    if path == self.path(uuid)]
        except FileNotFoundError:
            return []

    def state(self, uuid: str) -> model.State | None:
        """What is known of an instance; None if nothing is.

        :raises SnapdriverError: its state cannot be read.
        """
        return self.reader.state(uuid) if self.knows(uuid) else None

    def size(self, uuid: str, file: str) -> int:
        """Bytes that a file of an instance occupies; its user may not read it.
        """
        return os.stat(os.path.join(self.path(uuid), file)).st_blocks * 512

    @contextlib.contextmanager
    def alone(self, instance: Any) -> Iterator[None]:
        """Within, none of us is at work in an instance's directory."""
        with contextlib.ExitStack() as held:
            if self.knows(instance.uuid):
                with logged('have its directory alone', instance):
                    held.enter_context(self.manager.alone(instance.uuid))
            yield

    @contextlib.contextmanager
    def without_merges(self, instance: Any) -> Iterator[None]:
        """Within, no layers are merged that Nova starts on, or copies."""
        with contextlib.ExitStack() as held:
            if self.knows(instance.uuid):
                with logged('keep its layers from being merged', instance):
                    held.enter_context(
                        self.manager.without_merges(instance.uuid))
            yield

    def has_snapshots(self, uuid: str) -> bool:
        """Also true while layers of deleted ones wait to be merged."""
        state = self.state(uuid)
        return state is not None and bool(state.snapshots or any(
            layer.parent is not None for layer in state.layers.values()))

    def has_layers(self, uuid: str) -> bool:
        """Also true of one that runs on by its only layer's own name.

        Nova may not read such a file, which it knows nothing of.
        """
        state = self.state(uuid)
        return state is not None and bool(state.layers)


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Our errors as one of Nova's, whose text its users see."""
    try:
        yield
    except exception.SnapdriverError as error:
        raise nova_exception.InternalError(str(error)) from error


@contextlib.contextmanager
def logged(what: str, instance: Any) -> Iterator[None]:
    """Our errors as a line in the log, where Nova must go on."""
    try:
        yield
    except exception.SnapdriverError as error:
        LOG.error('Could not %(what)s: %(error)s',
                  {'what': what, 'error': error}, instance=instance)
