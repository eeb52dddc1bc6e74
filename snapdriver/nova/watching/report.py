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

"""A section of nova-compute's Guru Meditation Report. Pure.

It is made in a signal's handler: no lock is taken.
"""

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import datetime

from snapdriver.nova import ledger as ledgers
from snapdriver.nova.watching import figures
from snapdriver.nova.watching import verbs

TITLE = 'Local snapshots'


def text(found: figures.Figures, running: Sequence[verbs.Work]) -> str:
    """:param running: what is being done in this process."""
    return '\n'.join([
        f'{len(found.servers)} servers have local snapshots, or had some',
        *_of_servers(found), *_of_running(running),
        *_of_ledger(found.ledger), ''])


def _of_servers(found: figures.Figures) -> Iterator[str]:
    for server in found.servers:
        yield ''
        yield f'{server.uuid}'
        yield f'  snapshots: {_counts(server.snapshots)}'
        yield f'  bytes: {_counts(server.bytes)}'
        yield f'  layers: {_counts(server.depth)}, hidden {server.hidden}'
        for each in server.unfinished:
            yield f'  unfinished: {each.verb} since {_iso(each.since)}'
    for uuid, why in found.unreadable.items():
        yield ''
        yield f'{uuid}'
        yield f'  unreadable: {why}'


def _of_running(running: Sequence[verbs.Work]) -> Iterator[str]:
    yield ''
    yield f'In progress in this process: {len(running) or "nothing"}'
    for work in running:
        ids = ', '.join(each.id for each in work.snapshots)
        yield f'  {work.verb} of {ids} of {work.server} since ' + _iso(
            work.since)


def _of_ledger(ledger: ledgers.Ledger | None) -> Iterator[str]:
    yield ''
    if ledger is None:
        yield 'Reaper: its ledger cannot be read'
        return
    passes = ledger.passes
    yield 'Reaper: ' + ('paused' if ledger.paused else 'not paused')
    yield f'  last pass: {_iso(passes.last_at)}: {passes.last_result}'
    yield f'  last success: {_iso(passes.last_success_at)}'
    yield (f'  handles: {passes.handles}, not reapable '
           f'{len(passes.unreapable)}, doomed {len(ledger.doomed)}')
    for image_id, why in passes.waiting.items():
        yield f'  waiting: {image_id}: {why}'


def _counts(found: Mapping[str, int]) -> str:
    return ', '.join(f'{name} {number}' for name, number
                     in sorted(found.items())) or 'none'


def _iso(moment: float | None) -> str:
    return 'never' if moment is None else datetime.datetime.fromtimestamp(
        moment, datetime.UTC).isoformat(timespec='seconds')
