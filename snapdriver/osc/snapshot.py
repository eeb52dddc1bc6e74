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

"""A snapshot of a server, as its handle tells of it."""

from collections.abc import Mapping
import dataclasses
from typing import Any

from snapdriver.osc import handle

#: What nova-api gives each image of a server, and Glance each image ...
_OTHERS = frozenset({
    'base_image_ref', 'boot_roles', 'image_type', 'owner_project_name',
    'owner_user_name', 'stores', 'user_id', handle.DESCRIPTION})
#: ... and what a server mostly has from its own image.
_INHERITED = ('hw_', 'img_', 'os_', 'owner_specified.')
_NO = ('no', 'false', '0')
_TRAIT = 'trait:CUSTOM_SNAPDRIVER'


@dataclasses.dataclass(frozen=True, slots=True)
class Snapshot:
    """One snapshot.

    :ivar revertible: ``yes``, or ``no: `` and why.
    :ivar parent: the id of the snapshot that it was made on, or None.
    :ivar size: bytes that it held on its host when it was made, or None if
        its handle does not tell.
    :ivar image_size: bytes of the image.
    :ivar reapable: the compute service sees the handle, so that the snapshot
        goes when that is deleted.
    :ivar without_memory: a revert shall leave its memory out.
    :ivar properties: those that people gave it.
    """

    id: str
    name: str
    server_id: str
    project_id: str
    status: str
    kind: str
    payload: str
    frozen_at: str
    consistency: str
    state: str
    revertible: str
    parent: str | None
    safety: bool
    left_out: str
    size: int | None
    image_size: int | None
    reapable: bool
    without_memory: bool
    description: str
    properties: Mapping[str, str]


def of(image: Any) -> Snapshot:
    """What an image says; next to nothing, if it is no handle yet.

    :param image: an ``openstack.image.v2.image.Image``.
    """
    said = handle.properties(image)
    known = handle.is_handle(image)

    def say(key: str) -> str:
        return str(said.get(handle.PREFIX + key, '')) if known else ''

    size = say('size')
    return Snapshot(
        id=image.id, name=image.name or '', server_id=image.instance_uuid,
        project_id=image.owner, status=image.status, kind=say('kind'),
        payload=say('payload'), frozen_at=say('frozen_at'),
        consistency=say('consistency'), state=say('state'),
        revertible=say('revertible'), parent=say('parent') or None,
        safety=say('safety') == 'yes', left_out=say('left_out'),
        size=int(size) if size.isdecimal() else None, image_size=image.size,
        reapable=not say('reapable').startswith('no'),
        without_memory=say('request_memory').lower() in _NO,
        description=said.get(handle.DESCRIPTION) or '',
        properties={
            key: value for key, value in sorted(said.items())
            if key not in _OTHERS and not key.startswith(_INHERITED)
            and is_free(key)})


def is_free(key: str) -> bool:
    """Whether a property is the tenant's own, to be set and removed."""
    return not (key.startswith(handle.PREFIX) or key == _TRAIT
                or key == 'instance_uuid')
