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


"""The little that the reaper asks of Glance: looking, and deleting.

And making and changing one image of its own, the beacon.

It takes an answer for what it is and no more: Glance says 404 for an image
that one may not see, as for one that is not there (``ImageRepo.get``), and a
proxy can say anything.
"""

from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import enum
from typing import Any
from typing import Protocol
import urllib.parse

from snapdriver import exception

#: An image is not complete in these.
UNFILLED = ('queued', 'saving')
_TRIES = 3


class Connection(Protocol):
    """One Glance, as somebody.

    :ivar project: the project that this somebody works in, or None.
    :ivar section: of the configuration; for messages.
    """

    project: str | None
    section: str

    def identity(self) -> str:
        """Endpoint, user, project and roles, as they are now.

        :raises ImageServiceFailed: they cannot be told.
        """
        ...

    def request(self, method: str, path: str, query: Mapping[str, str],
                body: Any = None) -> tuple[int, Any]:
        """The status, and the body as JSON; None if it is none.

        :param body: to be sent as JSON, if it is not None.
        :raises ImageServiceFailed: there was no answer.
        """
        ...


class Outcome(enum.StrEnum):
    EXISTS = 'exists'    # in whatever status
    MISSING = 'missing'  # to whom looked
    UNKNOWN = 'unknown'  # everything else: it is not to be missed


@dataclasses.dataclass(frozen=True, slots=True)
class Look:
    """What was found when an image was looked at.

    :ivar foreign: only somebody who may see all images of all projects can
        have seen it.
    """

    outcome: Outcome
    id: str = ''
    status: str = ''
    owner: str = ''
    created_at: str = ''
    updated_at: str = ''
    foreign: bool = False


class Client:
    """Reads and deletes images; makes and changes one."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._failures = 0

    def identity(self) -> str:
        return self._connection.identity()

    def look(self, image_id: str) -> Look:
        """Look at one image; never raises."""
        try:
            status, body = self._request('GET', image_id)
        except exception.ImageServiceFailed:
            return Look(Outcome.UNKNOWN)
        if status == 404:
            return Look(Outcome.MISSING, image_id)
        if status != 200 or _text(body, 'id') != image_id:
            return Look(Outcome.UNKNOWN)
        return self._seen(body)

    def recent(self, most: int = 10) -> list[Look]:
        """Images that were changed lately; empty on any failure."""
        try:
            status, body = self._ask('GET', '/v2/images', {
                'sort': 'updated_at:desc', 'limit': str(most)})
            images = body['images'] if status == 200 else []
            return [self._seen(image) for image in images[:most]
                    if _text(image, 'id')]
        except (exception.ImageServiceFailed, TypeError, KeyError):
            return []

    def delete(self, image_id: str) -> int:
        """:raises ImageServiceFailed: there was no answer."""
        return self._request('DELETE', image_id)[0]

    def show(self, image_id: str) -> tuple[int, Any]:
        """The status, and all that Glance tells of an image.

        :raises ImageServiceFailed: there was no answer.
        """
        return self._request('GET', image_id)

    def create(self, image: Mapping[str, Any]) -> tuple[int, Any]:
        """Make an image without content; returns as :meth:`show`."""
        return self._ask('POST', '/v2/images', {}, image)

    def change(self, image_id: str,
               patch: Sequence[Mapping[str, str]]) -> tuple[int, Any]:
        """Change an image by a JSON patch; returns as :meth:`show`."""
        return self._request('PATCH', image_id, body=patch)

    def _seen(self, image: Any) -> Look:
        owner = _text(image, 'owner')
        hidden = owner not in ('', self._connection.project) and (
            self._is_hidden(_text(image, 'id'), _text(image, 'visibility')))
        return Look(
            Outcome.EXISTS, _text(image, 'id'), _text(image, 'status'), owner,
            _text(image, 'created_at'), _text(image, 'updated_at'), hidden)

    def _is_hidden(self, image_id: str, visibility: str) -> bool:
        """Whether it is hidden from those without a right to see all.

        Of a shared image a member sees nobody but itself among its members.
        """
        if visibility != 'shared':
            return visibility == 'private'
        try:
            status, body = self._request('GET', image_id, '/members')
            return status == 200 and all(
                member['member_id'] != self._connection.project
                for member in body['members'])
        except (exception.ImageServiceFailed, TypeError, KeyError):
            return False

    def _request(self, method: str, image_id: str, more: str = '',
                 body: Any = None) -> tuple[int, Any]:
        name = urllib.parse.quote(image_id, safe='')
        return self._ask(method, f'/v2/images/{name}{more}', {}, body)

    def _ask(self, method: str, path: str, query: Mapping[str, str],
             body: Any = None) -> tuple[int, Any]:
        """Ask, unless there was no answer again and again.

        Each of many questions would wait for as long.
        """
        if self._failures >= _TRIES:
            raise exception.ImageServiceFailed(
                section=self._connection.section,
                reason=f'there was no answer {_TRIES} times')
        self._failures += 1
        answer = self._connection.request(method, path, query, body)
        self._failures = 0
        return answer


def _text(image: Any, key: str) -> str:
    value = image.get(key) if isinstance(image, dict) else None
    return value if isinstance(value, str) else ''
