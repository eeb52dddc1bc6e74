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

"""Random reads from a guest's chain, by how many layers it has.

qemu-img opens what we have made as QEMU would. The data lie in all layers
alike, a MiB in each by turns. The step between reads goes through the whole
disk and is far from any that a cache could follow.
"""

import re

from tests.benchmarks import report
from tests.benchmarks import stage
from tests.functional import guest
from tests.functional import host

_DEPTHS = (1, 4, 8, 16)
_SIZE = 256  # MiB
_READ = 4096
# Close to the golden section of the disk, an odd number of reads.
_STEP = 40503 * _READ
# How the images are opened, how many reads that is, and the most that it may
# take relative to one layer: in the page cache only the way through the
# layers counts; a guest that is asked for cache='none' waits for the disk.
_CACHES = {
    'cached': ('writeback', 20000, 2.5),
    'cache=none': ('none', 3000, 1.5),
}


def measure(where: stage.Stage, rounds: int) -> list[report.Row]:
    chains = {depth: _make(where, depth) for depth in _DEPTHS}
    rows = []
    for what, (cache, count, limit) in _CACHES.items():
        took: dict[int, list[float]] = {depth: [] for depth in _DEPTHS}
        for number in range(rounds + 1):
            for depth in _DEPTHS[::-1] if number % 2 else _DEPTHS:
                spent = _read(chains[depth], cache, count)
                if number:  # the first has warmed what can be
                    took[depth].append(spent)
        rows += [report.compared(
            f'random read of 4 KiB, {what}, depth {depth}', took[depth],
            took[1], 'depth 1', limit, 'us') for depth in _DEPTHS[1:]]
    return rows


def _make(where: stage.Stage, depth: int) -> guest.Guest:
    vm = where.empty_guest(f'{_SIZE}M')
    for layer in range(depth):
        if layer:
            where.manager.create(vm.name, f's{layer}')
        stage.write(vm, [(piece, 1)
                         for piece in range(layer, _SIZE, depth)])
    return vm


def _read(vm: guest.Guest, cache: str, count: int) -> float:
    """Microseconds for each read, one after the other."""
    said = host.run(
        'qemu-img', 'bench', '-f', 'qcow2', '-t', cache, '-d', '1',
        '-c', str(count), '-s', str(_READ), '-S', str(_STEP),
        vm.directory / 'disk').stdout
    took = re.search(r'completed in ([\d.]+) seconds', said)
    assert took is not None, said
    return float(took[1]) / count * 1e6
