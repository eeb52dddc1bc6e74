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

"""What a tenant asks of one snapshot, by properties of its image."""

from collections.abc import Mapping
import dataclasses
from typing import Any

from snapdriver import exception
from snapdriver.nova import handles

KIND = 'snapdriver_request_kind'
PAYLOAD = 'snapdriver_request_payload'
MEMORY = 'snapdriver_request_memory'
SOURCE = 'snapdriver_request_source'
#: The extra spec of a flavor that turns local snapshots off.
ENABLED = 'snapdriver:enabled'


@dataclasses.dataclass(frozen=True, slots=True)
class Request:
    """One request for an image of a server.

    :ivar kind: of the local snapshot; ``none`` for no local snapshot.
    :ivar payload: ``disk`` or ``manifest``: what the image shall hold.
    :ivar explicit: the kind or the payload was asked for in this request.
    :ivar source: the snapshot that the image shall be of; None for the
        present moment.
    """

    kind: str
    payload: str
    explicit: bool
    source: str | None = None

    @property
    def is_local(self) -> bool:
        return self.kind != 'none'


def read(instance: Any, image: Mapping[str, Any], options: Any,
         kinds: list[str]) -> Request:
    """The request that an image's properties make of an instance.

    An image is born with the properties that its server had from its own
    image (``initialize_instance_snapshot_metadata``): what merely was
    inherited asks for nothing.

    :param kinds: of the installed backends.
    :raises Refused: it asks for what there is not.
    """
    asked = {key: value for key, value in (
        (key, image['properties'].get(key)) for key in (KIND, PAYLOAD, SOURCE))
        if value is not None
        and value != instance.system_metadata.get(f'image_{key}')}
    off = not options.enabled or str(instance.flavor.extra_specs.get(
        ENABLED, 'true')).lower() in ('false', '0', 'no', 'off')
    request = Request(
        asked.get(KIND, 'none' if off else options.default_kind),
        asked.get(PAYLOAD, options.image_payload),
        KIND in asked or PAYLOAD in asked, asked.get(SOURCE))
    reason = _refusal(request, off, PAYLOAD in asked, kinds)
    if reason is not None:
        raise exception.Refused('make an image', instance.uuid, [reason])
    return request


def _refusal(request: Request, off: bool, payload_asked: bool,
             kinds: list[str]) -> str | None:
    """Why it cannot be had; None if it can.

    :param off: there are no local snapshots of this instance.
    """
    for word, value, known in (
            (KIND, request.kind, [*kinds, 'none']),
            (PAYLOAD, request.payload, handles.PAYLOADS)):
        if value not in known:
            return (f'its property {word} is "{value[:40]}"; it may be one '
                    f'of {", ".join(known)}')
    if request.source is not None:
        return (f'{SOURCE} asks for an image of an older snapshot, which is '
                f'no snapshot itself: it goes without {KIND} and {PAYLOAD}'
                if request.explicit else None)
    if off and request.is_local:
        return ('local snapshots are turned off for this server, by its '
                'flavor or by the operator of its host')
    if not request.is_local and request.payload == 'manifest' and (
            payload_asked):
        return (f'a manifest ({PAYLOAD}) needs a local snapshot that it is '
                'the handle of')
    return None
