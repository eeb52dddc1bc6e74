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

"""Handles: the Glance images by which tenants name local snapshots.

A handle's id is the snapshot's id and name. Its properties tell people what it
is; nothing is ever believed from them but the id, as tenants can set any.
"""

from collections.abc import Mapping
import io
import json
from typing import Any

from snapdriver import model

PAYLOADS = ('disk', 'manifest')
TRAIT = 'CUSTOM_SNAPDRIVER'
#: The property of a snapshot that was made for an image of its id: the
#: payload that the image has.
IS_HANDLE = 'nova-image'

_PREFIX = 'snapdriver_'
PAYLOAD = f'{_PREFIX}payload'
_TRAIT_PROPERTY = f'trait:{TRAIT}'
_SECTOR = 512
#: Bytes that no manifest has, and every disk.
_LARGEST = 64 * _SECTOR
_TEXT = ('This is a handle of a snapshot that lies beside its server\'s disk, '
         'and no disk image. Put the server back to it by "openstack server '
         'rebuild --image"; no other server can use it.')


def properties(state: model.State, info: model.SnapshotInfo, payload: str,
               unrevertible: str | None) -> dict[str, str]:
    """What a handle says of its snapshot.

    :param state: of its server, with the snapshot.
    :param unrevertible: why the server cannot be put back to it, or None.
    """
    found = {
        # What a server inherits from a handle names another snapshot.
        f'{_PREFIX}snapshot': info.id,
        f'{_PREFIX}size': str(info.size),
        f'{_PREFIX}kind': info.kind,
        f'{_PREFIX}state': info.state,
        f'{_PREFIX}consistency': info.consistency,
        f'{_PREFIX}frozen_at': info.frozen_at,
        f'{_PREFIX}revertible': 'yes' if unrevertible is None
        else f'no: {unrevertible}',
        PAYLOAD: payload}
    parent = _nearest_parent(state, info.id)
    if parent is not None:
        found[f'{_PREFIX}parent'] = parent
    if info.safety:
        found[f'{_PREFIX}safety'] = 'yes'
    if info.left_out:
        found[f'{_PREFIX}left_out'] = ', '.join(
            f'{disk} ({why})' for disk, why in info.left_out.items())[:255]
    if payload == 'manifest':
        found[_TRAIT_PROPERTY] = 'required'
    return found


def fill(image_api: Any, context: Any, image: Mapping[str, Any],
         own: Mapping[str, str], disk_format: str, data: Any) -> None:
    """Give an image its properties and its content.

    In two steps: where one removes a property and adds another of the same
    value, Glance's client sends a "move", which Glance does not know.

    :param image_api: a ``nova.image.glance.API``.
    :param own: what :func:`properties` says.
    :param data: a file, opened for reading bytes.
    :raises NovaException: Glance did not take it.
    """
    inherited = kept(image['properties'])
    meta = {'name': image['name'], 'disk_format': disk_format,
            'container_format': 'bare', 'properties': inherited}
    image_api.update(context, image['id'], meta, purge_props=True)
    image_api.update(context, image['id'], meta | {
        'properties': inherited | dict(own)}, data, purge_props=False)


def kept(image_properties: Mapping[str, Any]) -> dict[str, Any]:
    """An image's properties without any of ours: they were inherited."""
    return {key: value for key, value in image_properties.items()
            if not key.startswith(_PREFIX) and key != _TRAIT_PROPERTY}


def manifest(uuid: str, info: model.SnapshotInfo) -> io.BytesIO:
    """The document that a handle holds instead of a disk.

    Whole sectors, and nothing that any firmware would boot.
    """
    text = json.dumps({
        'snapdriver': 1, 'server': uuid, 'snapshot': info.id,
        'kind': info.kind, 'frozen_at': info.frozen_at, 'note': _TEXT},
        indent=1).encode()
    return io.BytesIO(text.ljust(-(-len(text) // _SECTOR) * _SECTOR))


def is_manifest(instance: Any, image_meta: Any = None) -> bool:
    """Whether the image that an instance has now, or gets, is one.

    nova-api copies every property of an image into the instance. They can be
    those of another one when a shelved server comes back.

    :param image_meta: the ``nova.objects.ImageMeta`` that it is started from.
    """
    if (image_meta is not None and image_meta.obj_attr_is_set('size')
            and image_meta.size > _LARGEST):
        return False
    return bool(instance.system_metadata.get(
        f'image_{PAYLOAD}') == 'manifest')


def of(state: model.State) -> list[model.Snapshot]:
    """The snapshots that were made for an image."""
    return [snapshot for snapshot in state.snapshots.values()
            if IS_HANDLE in snapshot.properties]


def manifests(state: model.State) -> list[str]:
    """Ids of the handles that are good for nothing but a revert."""
    return [snapshot.id for snapshot in of(state)
            if snapshot.properties[IS_HANDLE] == 'manifest']


def _nearest_parent(state: model.State, snapshot: str) -> str | None:
    """The nearest snapshot below that has a handle."""
    handles = {handle.id for handle in of(state)}
    parent = state.snapshots[snapshot].parent
    while parent is not None and parent not in handles:
        parent = state.snapshots[parent].parent
    return parent
