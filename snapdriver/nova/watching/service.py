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

"""Who watches in nova-compute: the bus, a file for Prometheus, a report."""

import time
from typing import TYPE_CHECKING

from nova import conf as nova_conf
from oslo_log import log as logging
from oslo_reports import guru_meditation_report as reports
from oslo_utils import importutils

from snapdriver.nova import engine as engines
from snapdriver.nova import ledger_file
from snapdriver.nova import loop
from snapdriver.nova.watching import figures
from snapdriver.nova.watching import notifier
from snapdriver.nova.watching import report
from snapdriver.nova.watching import textfile
from snapdriver.nova.watching import verbs

if TYPE_CHECKING:
    from snapdriver.nova.watching import metrics as all_metrics

LOG = logging.getLogger(__name__)
CONF = nova_conf.CONF
_SOON = 5  # seconds after the start


class Watching:
    """What the driver knows of all this; nothing happens until it begins."""

    def __init__(self, engine: engines.Engine) -> None:
        self._engine = engine
        self._file = ledger_file.LedgerFile(CONF.state_path)
        self._metrics: all_metrics.Metrics | None = None
        self._loop = loop.Loop('snapdriver metrics', self.write, _SOON,
                               engine.options.metrics_interval)
        self._failed = ''

    def start(self) -> None:
        """Begin; what cannot be begun is logged."""
        watchers: list[verbs.Watcher] = [notifier.tell]
        if self._engine.options.metrics_textfile:
            self._metrics = _make_metrics()
        if self._metrics is not None:
            watchers.append(self._metrics.tell)
            self._loop.start()
        verbs.watch(watchers, lambda server, ids: verbs.about(
            self._engine.state(server), ids))
        _register(self.report)

    def stop(self) -> None:
        """End; the file stays as it is."""
        self._loop.stop()

    def write(self) -> None:
        """The metrics as they are now; a failure is logged once."""
        if self._metrics is None:
            return
        # Green threads, if that is what they are, get their turns.
        found = figures.gather(self._engine, self._file,
                               lambda: time.sleep(0))
        path = self._engine.options.metrics_textfile
        try:
            textfile.write(path, self._metrics.text(found))
            self._failed = ''
        except OSError as error:
            if str(error) != self._failed:
                LOG.error('The metrics could not be written: %(error)s. '
                          'Check metrics_textfile in section [snapdriver], '
                          'and that nova may write in its directory.',
                          {'error': error})
            self._failed = str(error)

    def report(self) -> str:
        """The section of the report; an error would cost all of it."""
        try:
            return report.text(figures.gather(self._engine, self._file),
                               verbs.running())
        except Exception as error:
            return f'It could not be made: {error!r}'


def _make_metrics() -> 'all_metrics.Metrics | None':
    if importutils.try_import('prometheus_client') is None:
        LOG.error('There are no metrics: metrics_textfile is set in section '
                  '[snapdriver], and prometheus-client is not installed '
                  '(pip install snapdriver[metrics]).')
        return None
    # Not before: it is needed by nobody else.
    from snapdriver.nova.watching import metrics
    return metrics.Metrics()


def _register(generator: object) -> None:
    """Nova has set the report up before it loads the driver."""
    known = getattr(reports.TextGuruMeditation, 'persistent_sections', [])
    if report.TITLE not in [title for title, _ in known]:
        reports.TextGuruMeditation.register_section(report.TITLE, generator)
