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


"""The beacon: an image of our own that shows how old Glance's database is.

A database that was restored from a backup does not know the handles that were
made since, and does not know what was written to the beacon since, either. So
a token is written to the beacon after a handle was seen, and the handle is
seen once more: it is *covered*. A database that knows the token, then, has
known the handle. If it does not show the handle, the handle was deleted::

    see handle   write beacon   see handle      ...  handle is missing, and
                                                     the beacon as written

Once the beacon is not as it was written last, it covers nothing any more.
Another one, another image, takes its place, for handles that are still seen.
What is written to that one tells nothing of those before.

A write is remembered before it is tried, as its answer may get lost.
"""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
import contextlib
import dataclasses
import secrets
import threading
from typing import Any
import uuid

from oslo_log import log as logging

from snapdriver import exception
from snapdriver.nova import beacon_image
from snapdriver.nova import glance
from snapdriver.nova import ledger as ledgers
from snapdriver.nova import ledger_file

LOG = logging.getLogger(__name__)
_PATIENCE = 10  # seconds to wait for others that use it
_WITHOUT = ('There is no use of this host\'s beacon in Glance now: {}. Of '
            'handles that are deleted soon after they were made, you may have '
            'to say so by "snapdriver reaper confirm".')
_SPENT = ('Glance does not show the beacon of this host, image {}, or not as '
          'it was written last. Was it deleted, were the credentials changed, '
          'or was a backup of Glance\'s database restored? Another one is '
          'made. Of handles that are missing now, you may have to say so by '
          '"snapdriver reaper confirm".')
_REFUSED = ('Glance has answered with status {}, asked to {} it (the user of '
            '[snapdriver] auth_section should be allowed to make and change '
            'private images with properties in its own project, and have '
            'quota for one per host)')


class Beacon:
    """The beacon of one host; there is none until a handle needs it.

    Whatever fails is remembered in the ledger and told by ``warn``.

    :param warn: to tell the operator something, once.
    """

    def __init__(self, file: ledger_file.LedgerFile, host: str,
                 warn: Callable[[list[str]], None]) -> None:
        self._file = file
        self._host = host
        self._warn = warn
        self._lock = threading.Lock()

    def check(self, client: glance.Client) -> str:
        """Look whether it is as it was written last.

        :returns: its id if so; '' if not, or if it could not be told.
        :raises LedgerError: the ledger cannot be used.
        """
        with self._alone() as alone:
            if not alone or not self._file.read().beacon.token:
                return ''
            known = self._look(client)
            return known.image if known is not None else ''

    def cover(self, client: glance.Client, ids: Iterable[str]) -> set[str]:
        """Let it cover handles that were seen just before.

        :returns: ids of those that are missing now.
        :raises LedgerError: the ledger cannot be used.
        """
        with self._alone() as alone:
            image = self._write(client) if alone else ''
        if not image:
            return set()  # the next pass tries it again
        found = {image_id: client.look(image_id).outcome for image_id in ids}
        with self._file.changing() as ledger:
            for image_id, outcome in found.items():
                if outcome is glance.Outcome.EXISTS and (
                        image_id in ledger.handles):
                    ledger.handles[image_id].beacon = image
        return {image_id for image_id, outcome in found.items()
                if outcome is glance.Outcome.MISSING}

    @contextlib.contextmanager
    def _alone(self) -> Iterator[bool]:
        """Nobody else in this process uses it, unless that takes long."""
        alone = self._lock.acquire(timeout=_PATIENCE)
        try:
            yield alone
        finally:
            if alone:
                self._lock.release()

    def _look(self, client: glance.Client) -> ledgers.Beacon | None:
        """:returns: the beacon as it is now; None if nobody can tell."""
        before = self._file.read().beacon
        if not before.image:
            return before
        try:
            status, image = client.show(before.image)
        except exception.ImageServiceFailed as error:
            self._fail(_reason(error))
            return None
        if status not in (200, 404):
            self._fail(f'Glance has answered with status {status}, asked '
                       'for it')
            return None
        return self._compare(client, before, image if status == 200 else None)

    def _write(self, client: glance.Client) -> str:
        """Write a token that nobody has seen before now.

        A pending one is written once more, if Glance does not show it now.

        :returns: the beacon's id; '' if it could not be done.
        """
        if self._look(client) is None:
            return ''
        with self._file.changing() as ledger:
            want = ledger.beacon
            want.image = want.image or str(uuid.uuid4())
            want.writing = want.writing or secrets.token_hex(16)
            want = dataclasses.replace(want)
        try:
            status, image = (
                client.change(want.image, beacon_image.change(want))
                if want.token else
                client.create(beacon_image.document(want, self._host)))
        except exception.ImageServiceFailed as error:
            self._fail(_reason(error))
            return ''
        if status in (200, 201):
            known = self._compare(client, want, image)
            return want.image if known is not None and (
                known.token == want.writing) else ''
        if status == 409 and not want.token:
            if self._look(client) != want:
                return ''  # another process has just made it
            # It was made, nobody has heard of it, and it was deleted.
            with self._file.changing() as ledger:
                if ledger.beacon == want:
                    ledger.beacon = ledgers.Beacon()
        self._fail(_REFUSED.format(
            status, 'change' if want.token else 'make'))
        return ''

    def _compare(self, client: glance.Client, before: ledgers.Beacon,
                 image: Any) -> ledgers.Beacon | None:
        """Learn from what Glance shows.

        :param before: what was known when it was asked.
        :param image: what it shows; None if it shows none of that id.
        :returns: what is known now; None if another process knows better.
        """
        found = None
        if isinstance(image, dict) and image.get('id') == before.image:
            found = beacon_image.shown(image)
        elif image is not None:
            self._fail('Glance has shown something else for it')
            return None
        with self._file.changing() as ledger:
            if ledger.beacon != before:
                return None
            after = beacon_image.written(before, image or {})
            if before.writing and found == beacon_image.tokens(after):
                ledger.beacon = after
            elif before.token and found == beacon_image.tokens(before):
                if not before.writing:
                    ledger.beacon.error = ''
            elif before.token or found is not None:
                ledger.beacon = ledgers.Beacon()
            known = dataclasses.replace(ledger.beacon)
        if not known.image:
            self._end(client, before.image, found is not None)
        elif known.token and not before.token:
            LOG.info('Made image %(image)s, the beacon of this host',
                     {'image': known.image})
        return known

    def _end(self, client: glance.Client, image_id: str,
             exists: bool) -> None:
        self._warn([_SPENT.format(image_id)])
        if exists:
            # Nobody needs it any more; it harms nobody if it stays.
            with contextlib.suppress(exception.ImageServiceFailed):
                client.delete(image_id)

    def _fail(self, why: str) -> None:
        with self._file.changing() as ledger:
            ledger.beacon.error = why
        self._warn([_WITHOUT.format(why)])


def _reason(error: exception.ImageServiceFailed) -> str:
    return str(error).rstrip('.')
