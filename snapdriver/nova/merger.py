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


"""Merges what deleted snapshots have left behind, when nobody minds."""

from collections.abc import Callable
import time
from typing import TYPE_CHECKING

from oslo_log import log as logging

from snapdriver import exception
from snapdriver import merges
from snapdriver.nova import deleting
from snapdriver.nova import ledger_file
from snapdriver.nova import quiethours

if TYPE_CHECKING:
    from snapdriver.nova import engine as engines

LOG = logging.getLogger(__name__)


class Merger:
    """One server after the other; a merge takes long, and gives way."""

    def __init__(self, engine: 'engines.Engine',
                 file: ledger_file.LedgerFile, servers: deleting.Servers,
                 clock: Callable[[], float] = time.time) -> None:
        self._engine = engine
        self._file = file
        self._servers = servers
        self._clock = clock

    def run(self) -> None:
        """Every server whose time has come; failures are logged."""
        if not quiethours.within(self._engine.options.merge_hours,
                                 time.localtime(self._clock())):
            return
        for server in self._engine.uuids():
            try:
                self._merge(server)
            except exception.Refused as error:
                LOG.info('%s', error)  # its time will come
            except exception.SnapdriverError as error:
                LOG.error('Could not merge layers of %(server)s: %(error)s',
                          {'server': server, 'error': error})
            except Exception:  # one server must not stop the others
                LOG.exception('Could not merge layers of %s', server)

    def _merge(self, server: str) -> None:
        state = self._engine.state(server)
        if state is None or not merges.mergeable(state):
            return
        ledger = self._file.read()
        if ledger.paused or ledger.merge_after.get(server, 0) > self._clock():
            return
        why = self._servers.refusal(server)
        if why is not None:
            LOG.debug('Layers of %(server)s are not merged now: %(why)s',
                      {'server': server, 'why': why})
            return
        merged = self._engine.manager.merge(
            server, bandwidth=self._engine.options.merge_bandwidth)
        with self._file.changing() as ledger:
            ledger.merge_after.pop(server, None)
            ledger.passes.merged += len(merged.done)
