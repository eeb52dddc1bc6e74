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

"""Changing an image's properties."""

from collections.abc import Mapping
from typing import Any

from openstack import exceptions as sdk_exceptions

_TYPE = 'application/openstack-images-v2.1-json-patch'


def apply(images: Any, image_id: str,
          changes: Mapping[str, str | None]) -> None:
    """Set and remove properties, in as many requests as it takes.

    openstacksdk makes a "move" of a property that goes and another of the
    same value that comes, and Glance does not know that.

    :param images: ``Connection.image``.
    :param changes: values, or None for a property that shall go.
    :raises HttpException: Glance did not take it.
    """
    operations = [
        {'op': 'remove', 'path': _path(key)} if value is None else
        # It replaces what there is.
        {'op': 'add', 'path': _path(key), 'value': value}
        for key, value in changes.items()]
    if operations:
        sdk_exceptions.raise_from_response(images.patch(
            f'/images/{image_id}', json=operations,
            headers={'Content-Type': _TYPE}))


def _path(key: str) -> str:
    return '/' + key.replace('~', '~0').replace('/', '~1')
