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

"""Metrics for Prometheus. Needs prometheus-client (extra ``metrics``)."""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from typing import Any

import prometheus_client
from prometheus_client import core
from prometheus_client import registry as registries

from snapdriver.nova import ledger as ledgers
from snapdriver.nova.watching import figures
from snapdriver.nova.watching import verbs

_PREFIX = 'snapdriver_'
#: Seconds: a name only; memory or an upload; a big disk.
_BUCKETS = (0.1, 0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3600)

#: Name (without prefix), labels, meaning; of what is read from state files.
GAUGES: Mapping[str, tuple[tuple[str, ...], str]] = {
    'snapshots': (('server', 'kind'), 'Local snapshots of a server.'),
    'snapshot_bytes': (
        ('server', 'kind'),
        'Bytes that the layers of local snapshots occupy; of kind "hidden" '
        'what deleted ones have left, until it is merged.'),
    'hidden_layers': (
        ('server',), 'Layers that deleted snapshots have left.'),
    'chain_depth': (
        ('server', 'disk'), 'Layers that a disk consists of, without _base.'),
    'unfinished_operations': (
        ('server', 'verb'),
        'Operations and jobs that are written down: under way, or '
        'interrupted.'),
    'unfinished_since_timestamp_seconds': (
        ('server', 'verb'), 'When the oldest of them began.'),
    'unreadable_states': (
        (), 'Servers whose state file cannot be read; not counted elsewhere.'),
    'reaper_ledger_readable': (
        (), 'Whether the reaper\'s ledger can be read; without it there are '
        'no others of the reaper.'),
    'reaper_last_pass_timestamp_seconds': (
        (), 'When the reaper has looked at Glance last.'),
    'reaper_last_success_timestamp_seconds': (
        (), 'When it has seen all of it last.'),
    'reaper_paused': ((), 'Whether "snapdriver reaper pause" holds.'),
    'reaper_handles': ((), 'Handles of this host\'s snapshots.'),
    'reaper_unreapable_handles': (
        (), 'Those that the reaper\'s credentials have never seen.'),
    'reaper_waiting_handles': (
        (), 'Those that are missing, and not taken for deleted yet.'),
    'reaper_unconfirmed_handles': (
        (), 'Those that wait for "snapdriver reaper confirm".'),
    'reaper_doomed_handles': (
        (), 'Handles of deleted servers that are still to be deleted.'),
}
#: Counts that live in the ledger, and so outlive nova-compute.
COUNTERS: Mapping[str, str] = {
    'reaper_reaped_snapshots': 'Snapshots whose handles were deleted.',
    'reaper_merged_layers': 'Layers that were merged.',
    'reaper_deleted_handles': 'Handles of deleted servers that were deleted.',
}

Values = Iterable[tuple[tuple[str, ...], float]]


class Metrics(registries.Collector):
    """What happens in this process, and what there was at the last look."""

    def __init__(self) -> None:
        self._figures: figures.Figures | None = None
        self.registry = prometheus_client.CollectorRegistry()
        self._seconds = prometheus_client.Histogram(
            f'{_PREFIX}operation_seconds',
            'How long verbs took that did not fail.', ['verb'],
            buckets=_BUCKETS, registry=self.registry)
        self._failures = prometheus_client.Counter(
            f'{_PREFIX}operation_failures',
            'Verbs that failed, or were refused.', ['verb'],
            registry=self.registry)
        for verb in verbs.Verb:  # a first failure shall be seen to be one
            self._seconds.labels(verb.value)
            self._failures.labels(verb.value)
        self.registry.register(self)

    def tell(self, work: verbs.Work, phase: verbs.Phase) -> None:
        """See :data:`snapdriver.nova.watching.verbs.Watcher`."""
        if phase is verbs.Phase.ERROR:
            self._failures.labels(work.verb.value).inc()
        elif phase is verbs.Phase.END and work.seconds is not None:
            self._seconds.labels(work.verb.value).observe(work.seconds)

    def text(self, found: figures.Figures) -> bytes:
        """All of it, in Prometheus' text format."""
        self._figures = found
        return prometheus_client.generate_latest(self.registry)

    def describe(self) -> Iterator[core.Metric]:
        """The names, so that none is registered twice."""
        for name, (labels, text) in GAUGES.items():
            yield core.GaugeMetricFamily(_PREFIX + name, text, labels=labels)
        for name, text in COUNTERS.items():
            yield core.CounterMetricFamily(_PREFIX + name, text)

    def collect(self) -> Iterator[core.Metric]:
        values: dict[str, Values] = {}
        if self._figures is not None:
            values = _of_servers(self._figures) | _of_ledger(
                self._figures.ledger)
        for metric in self.describe():
            family: Any = metric
            for labels, value in values.get(
                    metric.name.removeprefix(_PREFIX), ()):
                family.add_metric(labels, value)
            yield metric


def _of_servers(found: figures.Figures) -> dict[str, Values]:
    servers = found.servers
    return {
        'snapshots': [((s.uuid, kind), number) for s in servers
                      for kind, number in s.snapshots.items()],
        'snapshot_bytes': [((s.uuid, kind), number) for s in servers
                           for kind, number in s.bytes.items()],
        'hidden_layers': [((s.uuid,), s.hidden) for s in servers],
        'chain_depth': [((s.uuid, disk), number) for s in servers
                        for disk, number in s.depth.items()],
        'unfinished_operations': [
            ((s.uuid, verb), len(times)) for s in servers
            for verb, times in _unfinished(s).items()],
        'unfinished_since_timestamp_seconds': [
            ((s.uuid, verb), min(times)) for s in servers
            for verb, times in _unfinished(s).items()],
        'unreadable_states': [((), len(found.unreadable))]}


def _unfinished(server: figures.Server) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {}
    for each in server.unfinished:
        times.setdefault(each.verb, []).append(each.since)
    return times


def _of_ledger(ledger: ledgers.Ledger | None) -> dict[str, Values]:
    found: dict[str, Values] = {
        'reaper_ledger_readable': [((), float(ledger is not None))]}
    if ledger is None:
        return found
    passes = ledger.passes
    single = {
        'reaper_last_pass_timestamp_seconds': passes.last_at,
        'reaper_last_success_timestamp_seconds': passes.last_success_at,
        'reaper_paused': ledger.paused,
        'reaper_handles': passes.handles,
        'reaper_unreapable_handles': len(passes.unreapable),
        'reaper_waiting_handles': len(passes.waiting),
        'reaper_unconfirmed_handles': len(
            passes.unconfirmed.keys() - ledger.confirmed),
        'reaper_doomed_handles': len(ledger.doomed),
        'reaper_reaped_snapshots': passes.reaped,
        'reaper_merged_layers': passes.merged,
        'reaper_deleted_handles': passes.undoomed}
    # Never is a time, too: an alert on its age must see that.
    return found | {
        name: [((), float(value or 0))] for name, value in single.items()}
