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

"""Why Nova did not do what was asked for, as far as its user may know."""

from typing import Any


def last(connection: Any, server: Any, name: str) -> Any:
    """The last action of that name on a server, with its events; or None."""
    for action in connection.compute.server_actions(server):
        if action.action == name:
            return connection.compute.get_server_action(
                action.request_id, server)
    return None


def is_running(action: Any) -> bool:
    """Whether something of it has begun that has not ended."""
    return action is not None and any(
        event.finish_time is None for event in action.events or ())


def tell(action: Any, server: Any) -> str:
    """Its reason, or where that is to be read.

    Nova shows an event's details to administrators, by its default policy.
    """
    if action is None:
        return 'Nova does not tell why'
    told = [str(event.details) for event in action.events or ()
            if event.result == 'Error' and event.details]
    if told:
        return '; '.join(dict.fromkeys(told))
    return (f'Nova tells why to administrators only; yours finds it by '
            f'"openstack server event show {server.id} {action.request_id}"')
