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


"""Deleting local snapshots whose handles are gone."""

from collections.abc import Callable
import functools
from typing import Protocol
from typing import TYPE_CHECKING

from oslo_log import log as logging

from snapdriver.nova import doomed
from snapdriver.nova import handles
from snapdriver.nova import ledger_file
from snapdriver.nova import reaping
from snapdriver.nova.watching import verbs

if TYPE_CHECKING:
    from snapdriver.nova import engine as engines

LOG = logging.getLogger(__name__)


class Servers(Protocol):
    """What Nova knows of its instances."""

    def refusal(self, uuid: str) -> str | None:
        """Why its snapshots cannot be touched now; None if they can."""
        ...

    def run(self, uuid: str, act: Callable[[], object]) -> str | None:
        """Act under Nova's lock of the instance, unless there is a refusal.

        :returns: the refusal.
        """
        ...


class Deleting:
    """Deletes what a pass has found to be due."""

    def __init__(self, engine: 'engines.Engine',
                 file: ledger_file.LedgerFile, servers: Servers,
                 clock: Callable[[], float]) -> None:
        self._engine = engine
        self._file = file
        self._servers = servers
        self._clock = clock

    def delete(self, found: dict[str, str], verdict: reaping.Verdict,
               identity: str) -> list[str]:
        """:returns: why some could not be deleted now."""
        problems: list[str] = []
        for ids, act in ((verdict.due, self._reap),
                         (verdict.unfinished, functools.partial(
                             self._clean, identity=identity))):
            for server in sorted({found[image_id] for image_id in ids}):
                mine = [i for i in ids if found[i] == server]
                why = self._try(server, functools.partial(act, server, mine))
                if why is None:
                    continue
                problems.append(
                    f'Local snapshots {", ".join(mine)} of {server} cannot '
                    f'be deleted now: {why}')
                with self._file.changing() as ledger:
                    ledger.passes.waiting |= dict.fromkeys(mine, why)
        return problems

    def _try(self, server: str, act: Callable[[], object]) -> str | None:
        """:returns: why it could not be done."""
        if self._file.read().paused:
            return 'the reaper is paused'
        try:
            return self._servers.run(server, act)
        except Exception as error:  # one server must not stop the others
            LOG.debug('It failed', exc_info=True)
            return str(error) or type(error).__name__

    def _reap(self, server: str, ids: list[str]) -> None:
        """Delete snapshots; their layers are merged a grace later."""
        left = self._left(server, ids)
        with self._file.changing() as ledger:
            ledger.merge_after[server] = (
                self._clock() + self._engine.options.reap_grace)
        self._delete(server, left)
        with self._file.changing() as ledger:
            ledger.passes.reaped += len(left)
            for image_id in ids:
                ledger.forget(image_id)
        LOG.info('Deleted local snapshots %(ids)s of %(server)s, as their '
                 'handles were deleted',
                 {'ids': ', '.join(left), 'server': server})

    def _clean(self, server: str, ids: list[str], identity: str) -> None:
        """Delete what a killed process has left: snapshot, then image."""
        left = self._left(server, ids)
        self._delete(server, left)
        doomed.add(self._file, server, ids, self._clock(), identity)
        LOG.warning('Deleted local snapshots %(ids)s of %(server)s, whose '
                    'images were never filled',
                    {'ids': ', '.join(left), 'server': server})

    def _delete(self, server: str, ids: list[str]) -> None:
        if ids:
            with verbs.watched(verbs.Verb.REAP, server, ids):
                self._engine.manager.delete(server, ids)

    def _left(self, server: str, ids: list[str]) -> list[str]:
        """Those that are still there, now that nothing else can happen."""
        state = self._engine.state(server)
        found = {s.id for s in handles.of(state)} if state is not None else ()
        return [image_id for image_id in ids if image_id in found]
