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

"""Reverting a domain that is shut off, beside making one image."""

from collections.abc import Callable

from tests.benchmarks import report
from tests.benchmarks import stage
from tests.functional import guest
from tests.functional import host

_LAYOUTS = (('1G', 1), ('20G', 1), ('1G', 12), ('20G', 12))


def measure(where: stage.Stage, rounds: int) -> list[report.Row]:
    rows, every = [], {}
    for size, depth in _LAYOUTS:
        ours, kept, theirs = _measure(where, size, depth, rounds)
        every[size, depth] = ours
        rows += [
            report.compared(
                f'revert, off, {size}iB written, depth {depth}',
                ours, theirs, 'qemu-img create', 3),
            report.compared(
                '    the same, with a safety snapshot made',
                kept, theirs, 'qemu-img create', 3)]
    first = every.pop(_LAYOUTS[0])
    rows += [report.compared(
        f'revert, off, {size}iB written, depth {depth}', ours, first,
        'ours with 1GiB, depth 1', 1.5)
        for (size, depth), ours in every.items()]
    return rows


def _measure(
    where: stage.Stage, size: str, depth: int, rounds: int
) -> tuple[list[float], list[float], list[float]]:
    """Times of ours, of ours when the disk was written, of qemu-img."""
    vm = where.guest(size)
    name = ''
    for number in range(depth):
        name = f's{number}'
        info = where.manager.create(vm.name, name)
    frozen = vm.directory / info.disks['disk']['layer']
    copy = vm.directory / 'by-hand'
    ours, kept, theirs = [], [], []
    for _ in range(rounds):
        ours.append(_revert(where, vm, name))
        theirs.append(stage.timed(
            host.run, *('qemu-img', 'create', '-q', '-f', 'qcow2'),
            *('-F', 'qcow2', '-b', frozen, copy)))
        copy.unlink()
        host.run('qemu-io', '-f', 'qcow2', '-c', 'write 0 64k',
                 vm.directory / 'disk')
        kept.append(_revert(where, vm, name))
    return ours, kept, theirs


def _revert(where: stage.Stage, vm: guest.Guest, name: str) -> float:
    revert: Callable[..., object] = where.manager.revert
    return stage.timed(revert, vm.name, name)
