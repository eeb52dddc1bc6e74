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

"""Notifications, as they go over the wire. Pure.

In the form of Nova's own versioned ones, so that their consumers can read
them: a type, a publisher, a priority, and a payload that names its version.
They are of a namespace of our own, as Nova's enumerations of actions and its
registry of objects are closed.
"""

import dataclasses
import datetime
from typing import Any

from oslo_utils import strutils

from snapdriver.nova.watching import verbs

#: Goes up in its second number when a field is added, and in its first one
#: when a field goes or means something else.
VERSION = '1.0'
_LONGEST = 1000  # characters of a reason


@dataclasses.dataclass(frozen=True, slots=True)
class Message:
    """One notification.

    :ivar priority: ``info`` or ``error``; a queue of its own each.
    """

    event_type: str
    priority: str
    publisher_id: str
    payload: dict[str, Any]


def of(work: verbs.Work, phase: verbs.Phase, host: str) -> list[Message]:
    """One for each snapshot.

    :param host: option ``host`` of nova.conf.
    """
    return [
        Message(
            event_type=f'instance.local_snapshot_{work.verb}.{phase}',
            priority='error' if phase is verbs.Phase.ERROR else 'info',
            publisher_id=f'nova-compute:{host}',
            payload={
                'nova_object.name': 'LocalSnapshotPayload',
                'nova_object.namespace': 'snapdriver',
                'nova_object.version': VERSION,
                'nova_object.data': _data(work, snapshot, host)})
        for snapshot in work.snapshots]


def _data(work: verbs.Work, snapshot: verbs.About,
          host: str) -> dict[str, Any]:
    error = work.error
    return {
        'uuid': work.server,
        'tenant_id': getattr(work.instance, 'project_id', None),
        'user_id': getattr(work.instance, 'user_id', None),
        'display_name': getattr(work.instance, 'display_name', None),
        'host': host,
        'request_id': getattr(work.context, 'request_id', None),
        'snapshot_id': snapshot.id,
        'kind': snapshot.kind,
        'consistency': snapshot.consistency,
        'frozen_at': _iso(snapshot.frozen_at),
        'payload': snapshot.payload,
        'safety_id': work.safety,
        'seconds': None if work.seconds is None else round(work.seconds, 3),
        'exception': None if error is None else type(error).__name__,
        'reason': None if error is None else _reason(error)}


def _reason(error: BaseException) -> str:
    """Its text without passwords; no traceback, which may show more."""
    return strutils.mask_password(str(error))[:_LONGEST]


def _iso(moment: float | None) -> str | None:
    """As Nova's notifications have times."""
    return None if moment is None else datetime.datetime.fromtimestamp(
        moment, datetime.UTC).strftime('%Y-%m-%dT%H:%M:%SZ')
