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

"""Finding the instance that somebody names."""

from collections.abc import Iterator
import os
from typing import Any

import libvirt
from oslo_config import cfg
from oslo_log import log as logging

from snapdriver import domain as domains
from snapdriver import domainxml
from snapdriver import exception
from snapdriver import instance as instances

LOG = logging.getLogger(__name__)


class Finder:
    """Looks in libvirt first, then for state files under a root.

    :param connection: None to work without libvirt (list and show).
    """

    def __init__(self, connection: Any, conf: cfg.ConfigOpts,
                 root: str) -> None:
        self._connection = connection
        self._conf = conf
        self._root = root

    def find(self, wanted: Any, load: bool = True) -> instances.Instance:
        """An instance by its domain, or by a name, UUID or id.

        :param load: False if the caller reads the state, under the lock.
        :raises DomainNotFound: there is none.
        """
        if not isinstance(wanted, str):
            return self._of_domain(
                domains.Domain(self._connection, wanted), load)
        domain = self._look_up(wanted)
        if domain is not None:
            return self._of_domain(domain, load)
        for identity, path in self._paths():
            if identity == wanted:
                return self._of_state(identity, path)
        for identity, path in self._paths():
            try:
                with self._of_state(identity, path,
                                    with_domain=False) as found:
                    name = found.state.name
            except (exception.SnapdriverError, OSError):
                continue  # another's broken state must not hide this one
            if name == wanted:
                return self._of_state(identity, path)
        raise exception.DomainNotFound(domain=wanted[:80],
                                       searched=self._root)

    def all(self) -> Iterator[instances.Instance]:
        """Every instance with a state file, by UUID.

        Those whose state cannot be read are logged and left out: one of
        them must not hide the others.
        """
        for identity, path in sorted(set(self._all_paths())):
            try:
                # Without its domain: nobody asks what 1,000 of them do.
                yield self._of_state(identity, path, with_domain=False)
            except (exception.SnapdriverError, OSError) as error:
                LOG.error('%(error)s', {'error': error})

    def _all_paths(self) -> Iterator[tuple[str, str]]:
        yield from self._paths()
        if self._connection is None:
            return
        try:
            handles = self._connection.listAllDomains()
        except libvirt.libvirtError as error:
            LOG.error('libvirt does not list its domains: %(error)s',
                      {'error': error})
            return
        for handle in handles:
            domain = domains.Domain(self._connection, handle)
            path = _first_directory(domain)
            if path is not None:
                found = instances.state_path(path, domain.uuid)
                if os.path.lexists(found):
                    yield domain.uuid, path

    def _paths(self) -> Iterator[tuple[str, str]]:
        if os.path.isdir(self._root):
            yield from instances.state_paths(self._root)

    def _look_up(self, wanted: str) -> domains.Domain | None:
        if self._connection is None or '\0' in wanted or any(
                0xd800 <= ord(c) < 0xe000 for c in wanted):
            return None  # libvirt takes neither
        ways = [self._connection.lookupByName,
                self._connection.lookupByUUIDString]
        for way in ways:
            try:
                return domains.Domain(self._connection, way(wanted))
            except libvirt.libvirtError:
                continue
        if wanted.isdecimal() and len(wanted) < 10:
            try:
                return domains.Domain(self._connection,
                                      self._connection.lookupByID(int(wanted)))
            except libvirt.libvirtError:
                return None
        return None

    def _of_domain(self, domain: domains.Domain,
                   load: bool) -> instances.Instance:
        path = self._own_directory(domain) or _first_directory(domain)
        if path is None:
            raise exception.Refused('find its disks', domain.name, [
                'it has no disk in a file; snapdriver needs a qcow2 file'])
        try:
            return instances.Instance(self._conf, path, domain.uuid,
                                      domain.name, domain, load)
        except FileNotFoundError:
            raise exception.Refused('find its disks', domain.name, [
                f'their directory {path} does not exist on this host'
            ]) from None

    def _own_directory(self, domain: domains.Domain) -> str | None:
        """Nova's directory of that domain, if there is a state file."""
        path = os.path.join(self._root, domain.uuid)
        known = os.path.lexists(instances.state_path(path, domain.uuid))
        return path if known else None

    def _of_state(self, identity: str, path: str,
                  with_domain: bool = True) -> instances.Instance:
        found = instances.Instance(self._conf, path, identity, identity, None)
        found.name = found.state.name
        if with_domain and self._connection is not None:
            found.domain = self._look_up(identity)
        return found


def _first_directory(domain: domains.Domain) -> str | None:
    """Where the state of that domain's disks is, or would be."""
    paths = [os.path.dirname(disk.source)
             for disk in domainxml.parse_disks(domain.defined_xml())
             if disk.source and disk.device == 'disk' and not disk.readonly]
    for path in paths:
        if os.path.lexists(instances.state_path(path, domain.uuid)):
            return path
    return next((path for path in paths if path.startswith('/')), None)
