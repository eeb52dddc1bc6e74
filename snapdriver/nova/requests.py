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

from nova import exception as nova_exception

from snapdriver.nova import handles

KIND = 'snapdriver_request_kind'
PAYLOAD = 'snapdriver_request_payload'
MEMORY = 'snapdriver_request_memory'
#: The extra spec of a flavor that turns local snapshots off.
ENABLED = 'snapdriver:enabled'


@dataclasses.dataclass(frozen=True, slots=True)
class Request:
    """One request for an image of a server.

    :ivar kind: of the local snapshot; ``none`` for no local snapshot.
    :ivar payload: ``disk`` or ``manifest``: what the image shall hold.
    :ivar explicit: the kind or the payload was asked for in this request.
    """

    kind: str
    payload: str
    explicit: bool

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
    :raises ImageUnacceptable: it asks for what there is not.
    """
    asked = {}
    for key in (KIND, PAYLOAD):
        value = image['properties'].get(key)
        if value is not None and value != instance.system_metadata.get(
                f'image_{key}'):
            asked[key] = value
    off = not options.enabled or str(instance.flavor.extra_specs.get(
        ENABLED, 'true')).lower() in ('false', '0', 'no', 'off')
    kind = asked.get(KIND, 'none' if off else options.default_kind)
    payload = asked.get(PAYLOAD, options.image_payload)
    for word, value, known in (
            (KIND, kind, [*kinds, 'none']),
            (PAYLOAD, payload, handles.PAYLOADS)):
        if value not in known:
            raise nova_exception.ImageUnacceptable(
                image_id=image['id'], reason=f'its property {word} is '
                f'"{value[:40]}"; it may be one of {", ".join(known)}')
    if off and kind != 'none':
        raise nova_exception.ImageUnacceptable(
            image_id=image['id'], reason='local snapshots are turned off for '
            'this server, by its flavor or by the operator of its host')
    if kind == 'none' and payload == 'manifest' and PAYLOAD in asked:
        raise nova_exception.ImageUnacceptable(
            image_id=image['id'], reason=f'a manifest ({PAYLOAD}) needs a '
            'local snapshot that it is the handle of')
    return Request(kind, payload, bool(asked))
