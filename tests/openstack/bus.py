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

"""Versioned notifications, as their consumers get them from the bus."""

import configparser
from typing import Any
from typing import NamedTuple

from oslo_config import cfg
import oslo_messaging

from tests.openstack import host

#: What nova-compute needs to send them.
OPTIONS = ('notifications.notification_format=versioned',
           'oslo_messaging_notifications.driver=messagingv2')


class Notification(NamedTuple):
    """One of them; the payload with its envelope."""

    event_type: str
    priority: str
    publisher_id: str
    payload: dict[str, Any]

    @property
    def data(self) -> dict[str, Any]:
        found: dict[str, Any] = self.payload['nova_object.data']
        return found


class Bus:
    """Takes all that come, and keeps those that it got."""

    def __init__(self) -> None:
        conf = cfg.ConfigOpts()
        conf([], default_config_files=[], default_config_dirs=[])
        self._got: list[Notification] = []
        self._transport = oslo_messaging.get_notification_transport(
            conf, url=_url())
        self._listener = oslo_messaging.get_notification_listener(
            self._transport, [oslo_messaging.Target(
                topic='versioned_notifications', exchange='nova')],
            [self], executor='threading')
        self._listener.start()

    def close(self) -> None:
        self._listener.stop()
        self._listener.wait()
        self._transport.cleanup()

    def info(self, context: Any, publisher_id: str, event_type: str,
             payload: dict[str, Any], metadata: Any) -> None:
        self._got.append(Notification(
            event_type, 'info', publisher_id, payload))

    def error(self, context: Any, publisher_id: str, event_type: str,
              payload: dict[str, Any], metadata: Any) -> None:
        self._got.append(Notification(
            event_type, 'error', publisher_id, payload))

    def of(self, server: str, word: str = 'local_snapshot'
           ) -> dict[str, Notification]:
        """By type, the last of each; the two queues keep no order.

        :param word: that their types contain.
        """
        return {one.event_type: one for one in list(self._got)
                if word in one.event_type and one.data.get('uuid') == server}


def _url() -> str:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.read(host.STATE / 'etc' / 'nova' / 'nova.conf')
    return parser['DEFAULT']['transport_url']
