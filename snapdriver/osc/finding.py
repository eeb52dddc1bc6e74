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

"""Servers and snapshots by their names or ids."""

from typing import Any

from openstack import exceptions as sdk_exceptions
from osc_lib import exceptions

from snapdriver import naming
from snapdriver.osc import handle
from snapdriver.osc import snapshot as snapshots


def server(connection: Any, name_or_id: str) -> Any:
    """A server that the user sees.

    :param connection: an ``openstack.connection.Connection``.
    :raises CommandError: there is none, or several have that name.
    """
    try:
        return connection.compute.find_server(
            name_or_id, ignore_missing=False)
    except (sdk_exceptions.NotFoundException,
            sdk_exceptions.DuplicateResource) as error:
        raise exceptions.CommandError(str(error)) from error


def snapshot(connection: Any, server: Any,
             name_or_id: str) -> snapshots.Snapshot:
    """One of a server's snapshots: never an image that is none of them.

    A server is put back to a snapshot by the call that makes it anew from any
    other image.

    :param server: an ``openstack.compute.v2.server.Server``.
    :raises CommandError: there is none, or several have that name.
    """
    found = [snapshots.of(image) for image
             in handle.of_server(connection.image, server.id)]
    by_id = [one for one in found if one.id == name_or_id]
    by_name = [one for one in found if one.name == name_or_id]
    if by_id or len(by_name) == 1:
        return (by_id or by_name)[0]
    if by_name:
        raise exceptions.CommandError(
            f'Server {server.name} has {len(by_name)} snapshots named '
            f'"{name_or_id}"; say which one by its id: '
            + ', '.join(one.id for one in by_name))
    if naming.is_uuid(name_or_id):
        # A list does not have what another project shares with the user's.
        try:
            image = connection.image.get_image(name_or_id)
        except sdk_exceptions.NotFoundException:
            pass
        else:
            if handle.is_handle(image) and image.instance_uuid == server.id:
                return snapshots.of(image)
    raise exceptions.CommandError(
        f'Server {server.name} has no snapshot "{name_or_id}"; "openstack '
        f'server snapshot list {server.name}" shows those that it has. One '
        'that is still being made is not among them.')
