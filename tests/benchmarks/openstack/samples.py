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

"""What was measured, and what has to come of it."""

import collections
from collections.abc import Mapping
from collections.abc import Sequence

from tests.benchmarks import report

#: From this size on a manifest has to be ten times as fast.
LARGE = 2048  # MiB
_FLAT = 1.3
#: A reboot takes seconds, of which Nova waits some: that much is chance.
_SAME = 1.1
#: As for the engine beside libvirt: milliseconds, on a busy machine.
_PAUSE = 1.5

#: What, which driver or payload, with how much: each measured time, in ms.
Samples = Mapping[tuple[str, str, int], Sequence[float]]


def empty() -> dict[tuple[str, str, int], list[float]]:
    return collections.defaultdict(list)


def rows(samples: Samples, sizes: Sequence[int],
         counts: Sequence[int]) -> list[report.Row]:
    return [*_images(samples, sizes), *_flat(samples, sizes),
            *_reverts(samples, sizes), *_power(samples, counts)]


def _images(samples: Samples, sizes: Sequence[int]) -> list[report.Row]:
    result = []
    for size in sizes:
        for payload in ('manifest', 'disk'):
            fast = payload == 'manifest' and size >= LARGE
            result += [report.compared(
                what, samples[key, payload, size],
                samples[key, 'stock', size], 'stock', limit)
                for key, what, limit in (
                    ('image', f'image create, {payload}, {size} MiB written',
                     0.1 if fast else 1),
                    ('pause', '    the guest\'s worst pause meanwhile',
                     _PAUSE))]
    return result


def _flat(samples: Samples, sizes: Sequence[int]) -> list[report.Row]:
    least, *others = sizes
    return [report.compared(
        f'image create, manifest, {size} MiB written',
        samples['image', 'manifest', size],
        samples['image', 'manifest', least],
        f'with {least} MiB written', _FLAT) for size in others]


def _reverts(samples: Samples, sizes: Sequence[int]) -> list[report.Row]:
    return [report.compared(
        what, samples[key, 'ours', size], samples[key, 'stock', size],
        'stock rebuild', _SAME)
        for size in sizes for key, what in (
            ('revert', f'revert, {size} MiB written'),
            ('counting', '    until the guest counts again'))]


def _power(samples: Samples, counts: Sequence[int]) -> list[report.Row]:
    return [report.compared(
        f'{verb}, snapshots: {count}', samples[verb, 'ours', count],
        samples[verb, 'stock', 0], 'stock, without any', _SAME)
        for verb in ('hard reboot', 'stop', 'start') for count in counts]
