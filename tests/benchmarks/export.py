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

"""Export, beside qemu-img convert from the same layer.

Both are measured until the copy is on disk: a file that we have exported has
its name only then.
"""

from collections.abc import Callable
import functools
import os
import pathlib

from tests.benchmarks import report
from tests.benchmarks import stage
from tests.functional import host

_DATA = 1024  # MiB
_FORMATS = ('qcow2', 'raw')


def measure(where: stage.Stage, rounds: int) -> list[report.Row]:
    vm = where.empty_guest('2G')
    # In two layers, as most of a guest's chain was written before the last.
    for name, start in (('s0', 16), ('s1', 800)):
        stage.write(vm, [(start, _DATA // 2)])
        info = where.manager.create(vm.name, name)
    frozen = vm.directory / info.disks['disk']['layer']
    copy = host.ROOT / 'home' / 'exported'
    rows = []
    for kind in _FORMATS:
        ours: list[float] = []
        theirs: list[float] = []
        turns: list[tuple[Callable[[], object], list[float]]] = [
            (functools.partial(where.manager.export, vm.name, 's1',
                               str(copy), format=kind), ours),
            (functools.partial(_convert, kind, frozen, copy), theirs)]
        for number in range(rounds + 1):
            for act, times in turns if number % 2 else turns[::-1]:
                took = stage.timed(act)
                copy.unlink()
                if number:  # the first has found the layers on disk only
                    times.append(took)
        rows.append(report.compared(
            f'export, {_DATA} MiB of data, to {kind}', ours, theirs,
            f'qemu-img convert -O {kind}; sync', 1.1))
    return rows


def _convert(kind: str, layer: pathlib.Path, copy: pathlib.Path) -> None:
    host.run('qemu-img', 'convert', '-f', 'qcow2', '-O', kind, layer, copy)
    with open(copy, 'rb') as file:
        os.fsync(file.fileno())
