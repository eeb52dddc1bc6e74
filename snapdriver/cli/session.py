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

"""What a command works with: configuration, connection, manager."""

import argparse
from collections.abc import Callable
import functools
import threading
from typing import Any
from typing import TextIO
from typing import TypeVar
import urllib.parse

import libvirt
from oslo_config import cfg
from oslo_log import log as logging

from snapdriver import conf as options
from snapdriver import domain as domains
from snapdriver import exception
from snapdriver import manager as managers
from snapdriver import naming
from snapdriver.cli import settings

LOG = logging.getLogger(__name__)
_T = TypeVar('_T')


class Session:
    """One run of the command; the connection is opened when it is needed.

    :param wanted: the global options.
    :param connection: one that is open already, and stays so.
    :param stderr: where warnings go.
    """

    def __init__(self, wanted: argparse.Namespace, connection: Any,
                 stderr: TextIO, conf: cfg.ConfigOpts = cfg.CONF) -> None:
        self.nova_aware: bool = wanted.nova_aware
        self._wanted = wanted
        self._given = connection
        self._opened: Any = None
        self.conf = conf
        settings.load(conf, wanted.config_file)
        self._log = settings.Log(conf, wanted, stderr)

    @property
    def connection(self) -> Any:
        """The libvirt connection.

        :raises ConnectionFailed: libvirt cannot be reached.
        """
        if self._given is not None:
            return self._given
        if self._opened is None:
            self._opened = _open(self._wanted.connect or options.options(
                self.conf).connection_uri)
        return self._opened

    @functools.cached_property
    def manager(self) -> managers.SnapshotManager:
        """The engine.

        :raises ConnectionFailed: libvirt cannot be reached.
        """
        return self._manager(self.connection)

    def read(self, look: Callable[[managers.SnapshotManager], _T],
             domain: str | None) -> _T:
        """Look at state files; goes without libvirt if it is down.

        A UUID names a state file, so libvirt is asked only if there is none.
        """
        if self._given is None and domain is not None and (
                naming.is_uuid(domain)):
            try:
                return look(self._manager(None))
            except exception.DomainNotFound:
                LOG.debug('No state file for %s', domain)
        try:
            connection = self.connection
        except exception.ConnectionFailed as error:
            LOG.warning('%s Only the instances path was searched.', error)
            connection = None
        return look(self._manager(connection))

    def close(self, error: str | None) -> None:
        """Print the warnings that the error does not repeat; disconnect."""
        self._log.finish(error)
        if self._opened is not None:
            self._opened.close()

    def _manager(self, connection: Any) -> managers.SnapshotManager:
        return managers.SnapshotManager(
            connection, self.conf,
            instances_path=self._wanted.instances_path)


def _open(uri: str) -> Any:
    domains.silence()
    if urllib.parse.urlsplit(uri).path == '/embed':
        _start_event_loop()
    try:
        return libvirt.open(uri)
    except libvirt.libvirtError as error:
        raise exception.ConnectionFailed(
            uri=uri, reason=error.get_error_message()) from error


@functools.cache
def _start_event_loop() -> None:
    """A driver in our own process needs it before it is opened."""
    libvirt.virEventRegisterDefaultImpl()
    threading.Thread(target=_run_event_loop, name='libvirt-events',
                     daemon=True).start()


def _run_event_loop() -> None:
    while True:
        libvirt.virEventRunDefaultImpl()
