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


"""One pass of the reaper: look at Glance, decide, and delete.

What touches Nova is handed in, so that all of this can be tried without it.
"""

from collections.abc import Callable
from collections.abc import Iterable
import time
from typing import TYPE_CHECKING

from oslo_log import log as logging

from snapdriver import exception
from snapdriver.nova import beacon
from snapdriver.nova import deleting
from snapdriver.nova import doomed
from snapdriver.nova import glance
from snapdriver.nova import handles
from snapdriver.nova import ledger_file
from snapdriver.nova import observing
from snapdriver.nova import reaping

if TYPE_CHECKING:
    from snapdriver.nova import engine as engines

LOG = logging.getLogger(__name__)


class Passes:
    """Looks for deleted handles, and deletes their local snapshots.

    :param connect: a new connection to Glance.
    """

    def __init__(self, engine: 'engines.Engine',
                 file: ledger_file.LedgerFile, servers: deleting.Servers,
                 connect: Callable[[], glance.Connection],
                 clock: Callable[[], float] = time.time) -> None:
        self._engine = engine
        self._file = file
        self._deleting = deleting.Deleting(engine, file, servers, clock)
        self._connect = connect
        self._clock = clock
        self._began = clock()
        self._warned: set[str] = set()
        self._beacon = beacon.Beacon(file, engine.options.host, self._warn)

    # A handle was made -----------------------------------------------------

    def saw(self, server: str, image_id: str) -> bool:
        """Look at a new handle; whether it was seen, and will be reaped.

        It was not if it was deleted this very moment, either.
        """
        try:
            client = glance.Client(self._connect())
            identity = client.identity()
            look = client.look(image_id)
            if look.outcome is not glance.Outcome.EXISTS:
                LOG.warning(
                    'Handle %(image)s of %(server)s is not shown to '
                    '%(identity)s (%(outcome)s): its local snapshot will '
                    'not go when it is deleted.',
                    {'image': image_id, 'server': server,
                     'identity': identity, 'outcome': look.outcome.value})
                return False
            with self._file.changing() as ledger:
                observing.record(ledger, identity, server, look, self._clock())
        except Exception as error:
            LOG.warning(
                'Handle %(image)s of %(server)s could not be looked at: its '
                'local snapshot will not go when it is deleted. %(error)s',
                {'image': image_id, 'server': server, 'error': error})
            return False
        return image_id not in self._cover(client, [image_id])

    def _cover(self, client: glance.Client, ids: list[str]) -> set[str]:
        """Let the beacon cover handles; ids of those that are missing now."""
        try:
            return self._beacon.cover(client, ids)
        except Exception as error:  # they are well without
            self._warn([f'The beacon could not be used. {error}'])
            return set()

    # A server is gone ------------------------------------------------------

    def bury(self) -> None:
        """Delete the handles of servers that are gone from Glance."""
        try:
            if self._file.read().doomed:
                client = glance.Client(self._connect())
                doomed.delete_all(self._file, client, client.identity())
        except exception.SnapdriverError as error:
            self._warn([str(error)])

    # A pass ----------------------------------------------------------------

    def run(self) -> None:
        """One pass; failures are logged and noted in the ledger."""
        try:
            result = self._run()
        except exception.SnapdriverError as error:
            result = str(error)
            self._warn([result])
        try:
            with self._file.changing() as ledger:
                now = self._clock()
                ledger.passes.last_at = now
                ledger.passes.last_result = result or 'all was done'
                if result is None:
                    ledger.passes.last_success_at = now
        except exception.LedgerError as error:
            self._warn([str(error)])

    def _run(self) -> str | None:
        """:returns: what went wrong, if anything."""
        client = glance.Client(self._connect())
        identity = client.identity()
        began = self._clock()
        found, read, old = self._handles()
        # First of all, so that what it shows was there beside the handles.
        recent = client.recent() if found else []
        looks = {image_id: client.look(image_id) for image_id in found}
        with self._file.changing() as ledger:
            more = observing.wanted(ledger, looks)
        looks |= {image_id: client.look(image_id) for image_id in more}
        shown = self._beacon.check(client) if found else ''
        if client.identity() != identity:
            return 'the credentials have changed meanwhile'
        options = self._engine.options
        with self._file.changing() as ledger:
            seen = observing.Round(
                now=self._clock(), began=began, identity=identity,
                handles=found, read=read, old=old, looks=looks,
                recent=recent, beacon=shown)
            verdict = reaping.judge(ledger, seen, observing.Rules(
                options.reap_grace, options.reap_interval))
            paused = ledger.paused
            uncovered = observing.uncovered(ledger, seen)
        if uncovered:
            self._cover(client, uncovered)
        self._warn(verdict.warnings, verdict.excess)
        if not paused:
            self._warn(self._deleting.delete(found, verdict, identity))
            if verdict.unfinished:
                doomed.delete_all(self._file, client, identity)
        unknown = sum(look.outcome is glance.Outcome.UNKNOWN
                      for image_id, look in looks.items()
                      if image_id in found)
        return (f'{unknown} of {len(found)} handles could not be looked at'
                if unknown else None)

    def _handles(self) -> tuple[dict[str, str], list[str], set[str]]:
        """Each handle's server; the servers read; the handles made before.

        A safety snapshot without content is no remainder: it may be all that
        is left of what was active before a revert.
        """
        found: dict[str, str] = {}
        read: list[str] = []
        old: set[str] = set()
        for server in self._engine.uuids():
            try:
                state = self._engine.state(server)
            except exception.SnapdriverError as error:
                self._warn([str(error)])
                continue
            if state is not None and state.host != self._engine.options.host:
                continue  # it lies on storage that is shared
            read.append(server)
            for snapshot in handles.of(state) if state is not None else ():
                found[snapshot.id] = server
                if snapshot.created_at < self._began and not snapshot.safety:
                    old.add(snapshot.id)
        return found, read, old

    def _warn(self, texts: Iterable[str], serious: int = 0) -> None:
        """Log what was not logged already by this process."""
        for text in texts:
            if text not in self._warned:
                self._warned.add(text)
                (LOG.error if serious else LOG.warning)('%s', text)
