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

"""Handles in Glance: the images that snapshots of servers are known by."""

from collections.abc import Iterator
from typing import Any

from openstack import resource
from openstack.image.v2 import image

PREFIX = 'snapdriver_'
KIND = f'{PREFIX}kind'
PAYLOAD = f'{PREFIX}payload'
PAYLOADS = ('disk', 'manifest')
SNAPSHOT = f'{PREFIX}snapshot'
REQUEST_KIND = f'{PREFIX}request_kind'
REQUEST_PAYLOAD = f'{PREFIX}request_payload'
REQUEST_MEMORY = f'{PREFIX}request_memory'
REQUEST_SOURCE = f'{PREFIX}request_source'
#: The property that OpenStack's people put a description into.
DESCRIPTION = 'description'


class Handle(image.Image):
    """An image that Glance looks for by what handles have.

    openstacksdk's own filters by these after it has fetched all images.
    """

    _query_mapping = resource.QueryParameters('instance_uuid', PAYLOAD)


def properties(found: image.Image) -> dict[str, Any]:
    """What an image says that openstacksdk has no name for."""
    return found.properties or {}


def is_handle(found: image.Image) -> bool:
    """Whether it is one, of a snapshot that is complete.

    An image of a server that was booted from a handle may have inherited all
    that the handle says, but not its id.
    """
    said = properties(found)
    return bool(found.instance_uuid and KIND in said
                and said.get(SNAPSHOT, found.id) == found.id)


def of_server(images: Any, server_id: str) -> list[image.Image]:
    """Those of one server.

    :param images: ``Connection.image``.
    """
    return [found for found in Handle.list(
        images, instance_uuid=server_id) if is_handle(found)]


def everywhere(images: Any) -> Iterator[image.Image]:
    """All that Glance shows: to an administrator, those of all projects."""
    for payload in PAYLOADS:
        yield from (found for found in Handle.list(
            images, snapdriver_payload=payload) if is_handle(found))
