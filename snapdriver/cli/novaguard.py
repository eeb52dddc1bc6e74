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

"""Keeping from Nova's instances what Nova would undo or misread."""

from typing import Any
import xml.etree.ElementTree as ET

import libvirt

from snapdriver import domain as domains
from snapdriver import exception
from snapdriver import model
from snapdriver.cli import session as sessions

_NAMESPACE = '{http://openstack.org/xmlns/libvirt/nova/'


class Target:
    """A domain that a command is about to act on.

    :ivar handle: what to hand to the manager: the libvirt domain, or the
        word given if libvirt has none.
    """

    def __init__(self, session: sessions.Session, wanted: str) -> None:
        self._aware = session.nova_aware
        found = _look_up(session.connection, wanted)
        self.handle: Any = wanted if found is None else found
        self._domain = None if found is None else domains.Domain(
            session.connection, found)

    @property
    def name(self) -> str:
        return (str(self.handle) if self._domain is None
                else self._domain.name)

    def power(self) -> model.Power | None:
        return None if self._domain is None else self._domain.power()

    def refusal(self, power: model.Power | None = None) -> str | None:
        """Why it should be left to Nova; None if there is no reason.

        :param power: the state that the domain is to be left in.
        """
        if (self._aware or self._domain is None
                or not is_novas(self._domain.live_xml())):
            return None
        now = self._domain.power()
        if now is not model.Power.SHUTOFF:
            what = f'it is {now.value}: Nova\'s power sync would stop it'
        elif power not in (None, model.Power.SHUTOFF):
            what = 'it would be started: Nova\'s power sync would stop it'
        else:
            return None
        return ('OpenStack Nova manages this domain, and ' + what
                + ' or take it for crashed; use "openstack server rebuild", '
                'or "openstack server stop" first; --nova-aware does it '
                'nevertheless')

    def require(self, verb: str, power: model.Power | None = None) -> None:
        """:raises Refused: it should be left to Nova."""
        reason = self.refusal(power)
        if reason is not None:
            raise exception.Refused(verb, self.name, [reason])


def is_novas(domain_xml: str) -> bool:
    """Whether a domain carries Nova's metadata, of whichever version."""
    return any(element.tag.startswith(_NAMESPACE) for element
               in ET.fromstring(domain_xml).findall('./metadata/*'))


def _look_up(connection: Any, wanted: str) -> Any:
    """The libvirt domain that the engine would take, or None."""
    ways = [connection.lookupByName, connection.lookupByUUIDString]
    for way in ways:
        try:
            return way(wanted)
        except libvirt.libvirtError:
            continue
    if wanted.isdecimal() and len(wanted) < 10:
        try:
            return connection.lookupByID(int(wanted))
        except libvirt.libvirtError:
            return None
    return None
