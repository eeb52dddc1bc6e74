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

"""Waiting for an image of a server."""

from typing import Any
from typing import TextIO

from openstack import exceptions as sdk_exceptions
from osc_lib import exceptions

from snapdriver.osc import progress
from snapdriver.osc import reason

#: A failed image is one of these, or deleted by Nova.
_FAILED = ('killed', 'deleted', 'pending_delete')


def request(connection: Any, server: Any, name: str,
            properties: dict[str, str]) -> Any:
    """Ask Nova for an image; it answers before the work is done.

    :raises CommandError: it was refused at once.
    """
    try:
        image = connection.compute.create_server_image(
            server.id, name, properties)
    except (sdk_exceptions.BadRequestException,
            sdk_exceptions.ConflictException) as error:
        raise exceptions.CommandError(
            f'Nova refused an image of server {server.name}: '
            f'{error.details or error}') from error
    if image is None:
        raise _failed(connection, server, name)
    return image


def finish(connection: Any, server: Any, image: Any, stream: TextIO) -> Any:
    """Wait until the image is complete, and the server free for the next.

    :returns: the image as it is then.
    :raises CommandError: it failed.
    """
    made = image

    def look() -> str | None:
        nonlocal made
        try:
            made = connection.image.get_image(image.id)
        except sdk_exceptions.NotFoundException:
            raise _failed(connection, server, image.name) from None
        if made.status in _FAILED:
            raise _failed(connection, server, image.name)
        task = connection.compute.get_server(server.id).task_state or ''
        if task.startswith('image_'):
            return str(task)
        return None if made.status == 'active' else str(made.status)

    progress.wait(look, image.name, stream)
    return made


def _failed(connection: Any, server: Any,
            name: str) -> exceptions.CommandError:
    why = reason.tell(reason.last(connection, server, 'createImage'), server)
    return exceptions.CommandError(
        f'"{name}" was not made of server {server.name}: {why}')
