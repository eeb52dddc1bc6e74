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


"""Learns that handles were deleted, and deletes their local snapshots.

Glance tells nobody; so it is asked, with credentials of nova-compute's own.
The rules that let nothing be deleted by mistake are in
:mod:`~snapdriver.nova.reaping`, what a pass does in
:mod:`~snapdriver.nova.passes`, what it remembers in
:mod:`~snapdriver.nova.ledger`, and the image by which it knows that Glance's
database is not an old one in :mod:`~snapdriver.nova.beacon`.
"""

from collections.abc import Sequence
import time
from typing import Any

from nova import conf as nova_conf
from oslo_log import log as logging

from snapdriver import exception
from snapdriver.nova import credentials
from snapdriver.nova import doomed
from snapdriver.nova import engine as engines
from snapdriver.nova import ledger_file
from snapdriver.nova import loop
from snapdriver.nova import merger
from snapdriver.nova import passes
from snapdriver.nova import servers

LOG = logging.getLogger(__name__)
CONF = nova_conf.CONF
_SOON = 5  # seconds after the start; nova-compute is busy enough before


class Reaper:
    """What the driver knows of all this. Nothing is asked until it begins."""

    def __init__(self, engine: engines.Engine) -> None:
        self._engine = engine
        self._file = ledger_file.LedgerFile(CONF.state_path)
        nova = servers.Servers()
        self._passes = passes.Passes(
            engine, self._file, nova,
            lambda: credentials.Connection(engine.options.auth_section))
        self._merger = merger.Merger(engine, self._file, nova)
        interval = engine.options.reap_interval
        # Apart, as merging takes as long as bytes need to be copied, and
        # looking as long as there are handles.
        self._burying = loop.Loop('snapdriver handles', self._passes.bury,
                                  _SOON, interval)
        self._loops = [
            self._burying,
            loop.Loop('snapdriver reaper', self._passes.run, _SOON, interval),
            loop.Loop('snapdriver merger', self._merger.run, 2 * _SOON,
                      interval)]

    def saw(self, instance: Any, image_id: str) -> bool:
        """Look at a handle that was just made, with our own credentials.

        :returns: whether it can be seen by them; if not, nobody will learn
            of its deletion. The reason is logged.
        """
        return self._passes.saw(instance.uuid, image_id)

    def doom(self, instance_uuid: str, image_ids: Sequence[str]) -> None:
        """Let handles be deleted from Glance, whenever it can be reached.

        To be called while their names are still on disk; a failure is
        logged, as the server goes in any case.
        """
        if not image_ids:
            return
        try:
            doomed.add(self._file, instance_uuid, image_ids, time.time())
        except exception.SnapdriverError as error:
            LOG.error('The images %(ids)s will not be deleted with their '
                      'server %(server)s, delete them yourself: %(error)s',
                      {'ids': ', '.join(image_ids), 'server': instance_uuid,
                       'error': error})
            return
        self._burying.hurry()

    def start(self) -> None:
        """Begin; the first pass comes soon."""
        for each in self._loops:
            each.start()

    def stop(self) -> None:
        """End; what is being done may be killed at any time."""
        for each in self._loops:
            each.stop()

    def run_once(self) -> None:
        """One pass, and the merges whose time has come."""
        self._passes.bury()
        self._passes.run()
        self._merger.run()
