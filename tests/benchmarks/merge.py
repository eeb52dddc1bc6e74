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

"""Deletes that merge, beside copying the same bytes, and beside libvirt.

What is copied is random data in one layer. A guest that runs has a twin
whose layers libvirt merges alone, in turns.
"""

from collections.abc import Callable
import contextlib
import dataclasses
import functools
import os
import pathlib
import re
import resource
import time
from typing import NamedTuple
from xml.etree import ElementTree as ET

import libvirt

from snapdriver import instance as instances
from snapdriver import merges
from tests.benchmarks import report
from tests.benchmarks import stage
from tests.functional import guest
from tests.functional import host

_MIB = 1 << 20
_DATA = 512  # MiB, that are copied
_SIZE = '2G'
_BUFFERED = ('conv=fdatasync',)
# As QEMU does with the guest's own cache='none'.
_DIRECT = ('iflag=direct', 'oflag=direct', 'conv=fdatasync')


@dataclasses.dataclass(frozen=True)
class Way:
    """One way that a merge takes after the first snapshot is deleted.

    :ivar layers: how many there are.
    :ivar copied: the one that holds the data, counted from the lowest.
    :ivar heavy: one that occupies more, so that it is not copied.
    :ivar told: what the merge says of itself, a regular expression.
    :ivar by_libvirt: how libvirt is told; None if the domain is off.
    """

    what: str
    layers: int
    copied: int
    heavy: int
    told: str
    by_libvirt: Callable[[guest.Guest], str] | None = None


class Sample(NamedTuple):
    """One delete; times in ms, rates in MiB/s, sizes in MiB.

    :ivar gap: the guest's longest silence; 0 if it is off.
    :ivar grown: how many more the layer that stays occupies.
    :ivar written: by QEMU or qemu-img, in all.
    """

    took: float
    rate: float
    dd: float
    gap: float
    planned: float
    grown: float
    written: float


class Twin(NamedTuple):
    took: float  # ms
    gap: float


def measure(where: stage.Stage, rounds: int) -> list[report.Row]:
    rows = []
    for way in _WAYS:
        ours: list[Sample] = []
        twins: list[Twin] = []
        for number in range(rounds):
            with where.scene():
                ours.append(_measure(where, way, twins, number % 2 == 0))
        rows += _rows(way, ours, twins)
    return rows


def _rows(way: Way, ours: list[Sample],
          twins: list[Twin]) -> list[report.Row]:
    rows = [
        report.compared(
            f'delete, {way.what}', [s.rate for s in ours],
            [s.dd for s in ours], f'dd bs=1M {" ".join(_dd(way))}', 0.7,
            'MiB/s', least=True),
        report.compared(
            '    bytes that the layer that stays grows by',
            [s.grown for s in ours], [s.planned for s in ours],
            'as planned', 1.05, 'MiB'),
        # A guest that flushes every 5 ms has QEMU write metadata each time.
        report.compared(
            '    bytes written in all',
            [s.written for s in ours], [s.planned for s in ours],
            'as planned', 1.25 if twins else 1.05, 'MiB')]
    if twins:
        rows += [
            report.compared(
                '    time, beside libvirt alone', [s.took for s in ours],
                [t.took for t in twins], 'virDomainBlockCommit, -Rebase; rm',
                1.2),
            report.compared(
                '    the guest\'s worst gap meanwhile',
                [s.gap for s in ours], [t.gap for t in twins],
                'virDomainBlockCommit, -Rebase; rm', 1.5)]
    return rows


def _dd(way: Way) -> tuple[str, ...]:
    """How to copy as the merge does: with the cache or without, and synced.

    qemu-img goes through the page cache, and we sync what it has written.
    """
    return _BUFFERED if way.by_libvirt is None else _DIRECT


def _measure(where: stage.Stage, way: Way, twins: list[Twin],
             first: bool) -> Sample:
    """:param first: whether ours is the first of the two."""
    vm, copied = _prepare(where, way)
    if way.by_libvirt is None:
        return _by_us(where, way, vm, copied)
    twin, _ = _prepare(where, way)
    host.as_root('chmod', 'u+w', *twin.directory.glob('disk*'))
    for one in (vm, twin):
        one.dom.create()
    for one in (vm, twin):
        one.wait_for('^T ', 60)
        one.dom.suspend()
    by_libvirt = functools.partial(_by_libvirt, way.by_libvirt, twin)
    if not first:
        twins.append(by_libvirt())
    sample = _by_us(where, way, vm, copied)
    if first:
        twins.append(by_libvirt())
    return sample


def _prepare(where: stage.Stage,
             way: Way) -> tuple[guest.Guest, pathlib.Path]:
    """A guest that is off, with its data on disk; the layer to be copied."""
    vm = where.empty_guest(_SIZE)
    for number in range(way.layers):
        if number:
            where.manager.create(vm.name, f's{number - 1}')
        if number == way.copied:
            stage.write(vm, [(16, _DATA)])
        if number == way.heavy:
            _weigh_down(vm.directory / 'disk')
    with _instance(where, vm) as instance:
        layers = instance.state.layers
        layer = layers[instance.state.disks['disk'].active]
        for _ in range(way.copied, way.layers - 1):
            layer = layers[layer.parent or '']
    file = vm.directory / layer.file
    stage.forget(file)
    return vm, file


def _weigh_down(file: pathlib.Path) -> None:
    """Let a file occupy blocks far behind its end, which nobody uses.

    Twice as many as are copied, as a pull counts double.
    """
    host.run('fallocate', '--keep-size', '--offset', '8G',
             '--length', f'{2 * _DATA + 64}M', file)


def _by_us(where: stage.Stage, way: Way, vm: guest.Guest,
           copied: pathlib.Path) -> Sample:
    held = _held(copied)
    dd = held / _seconds_of_dd(copied, _dd(way))
    stage.forget(copied)
    merge: list[merges.Merge] = []
    kept: list[int] = []  # its descriptor: it may lose its name
    sizes: list[float] = []
    said: list[str] = []

    def delete() -> None:
        where.manager.delete(vm.name, ['s0'])
        with _instance(where, vm) as instance:
            merge.extend(merges.possible(instance.state,
                                         instance.held_bytes))
            kept.append(os.open(
                vm.directory / instance.state.layers[merge[0].kept].file,
                os.O_PATH))
        sizes.append(_held(kept[0]))
        said.extend(where.manager.merge(vm.name).done)

    before = _written(vm)
    took, gap = _watched(vm, delete)
    written = _written(vm) - before
    sizes.append(_held(kept[0]))
    os.close(kept[0])
    if len(said) != 1 or not re.search(way.told, said[0]):
        raise AssertionError(f'not {way.what}, but {said}')
    return Sample(took=took, rate=held / took * 1000, dd=dd, gap=gap,
                  planned=merge[0].bytes / _MIB, grown=sizes[1] - sizes[0],
                  written=written)


def _by_libvirt(merge: Callable[[guest.Guest], str],
                vm: guest.Guest) -> Twin:
    return Twin(*_watched(vm, lambda: host.as_root('rm', merge(vm))))


def _watched(vm: guest.Guest,
             act: Callable[[], object]) -> tuple[float, float]:
    """What it takes, and the guest's worst gap; both in ms.

    A guest that runs does only meanwhile; what is off stays so.
    """
    if not vm.dom.isActive():
        return stage.timed(act), 0
    vm.dom.resume()
    vm.wait_more_ticks(20)
    start = time.monotonic()
    took = stage.timed(act)
    gap = vm.worst_gap(start, time.monotonic())
    vm.dom.suspend()
    return took, gap * 1000


# How libvirt is told; each returns the path of what goes. The paths are the
# chain's, the active layer first.

def _commit_middle(vm: guest.Guest) -> str:
    paths = _paths(vm)
    vm.dom.blockCommit('vda', paths[2], paths[1],
                       flags=libvirt.VIR_DOMAIN_BLOCK_COMMIT_RELATIVE)
    _wait(vm)
    return paths[1]


def _commit_active(vm: guest.Guest) -> str:
    paths = _paths(vm)
    vm.dom.blockCommit('vda', paths[1], paths[0],
                       flags=libvirt.VIR_DOMAIN_BLOCK_COMMIT_RELATIVE
                       | libvirt.VIR_DOMAIN_BLOCK_COMMIT_ACTIVE)
    _wait(vm, ready="ready='yes'")
    vm.dom.blockJobAbort('vda', libvirt.VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT)
    _wait(vm)
    return paths[0]


def _pull(vm: guest.Guest) -> str:
    paths = _paths(vm)
    vm.dom.blockRebase('vda', paths[-1])
    _wait(vm)
    return paths[1]


def _paths(vm: guest.Guest) -> list[str]:
    disk = ET.fromstring(vm.dom.XMLDesc()).find('devices/disk')
    assert disk is not None
    return [source.get('file') or '' for source in disk.iter('source')]


def _wait(vm: guest.Guest, ready: str = '') -> None:
    """Until the block job ends, or, if it is to be, is ready to pivot."""
    while vm.dom.blockJobInfo('vda'):
        if ready and ready in vm.dom.XMLDesc():
            return
        time.sleep(0.01)


_WAYS = (
    Way('running, from the active layer down', 2, 1, 0,
        'down into .*, live', _commit_active),
    Way('running, from a middle layer down', 3, 1, 2,
        'down into .*, live', _commit_middle),
    Way('running, up into the active layer', 2, 0, 1,
        'up into .*, live', _pull),
    Way('off, from a middle layer down', 3, 1, 2, 'down into .*, offline'),
    Way('off, up into the active layer', 2, 0, 1, 'up into .*, offline'),
)


def _instance(where: stage.Stage, vm: guest.Guest
              ) -> contextlib.AbstractContextManager[instances.Instance]:
    return where.manager._access.finder.find(vm.name)


def _held(file: pathlib.Path | int) -> float:
    """MiB that a file occupies, or that of a descriptor."""
    return os.stat(file).st_blocks * 512 / _MIB


def _seconds_of_dd(file: pathlib.Path, flags: tuple[str, ...]) -> float:
    """By its own count, without what it takes to start it."""
    copy = host.ROOT / 'home' / 'copied-by-dd'
    said = host.as_root('env', 'LC_ALL=C', 'dd', f'if={file}', f'of={copy}',
                        'bs=1M', *flags).stderr
    host.as_root('rm', copy)
    took = re.search(r'copied, ([\d.e-]+) s', said)
    assert took is not None, said
    return float(took[1])


def _written(vm: guest.Guest) -> float:
    """MiB that the guest's QEMU, or our children, have ever written."""
    if vm.qemu is None:
        blocks = resource.getrusage(resource.RUSAGE_CHILDREN).ru_oublock
        return blocks * 512 / _MIB
    said = host.as_root('cat', f'/proc/{vm.qemu}/io').stdout
    found = re.search(r'^write_bytes: (\d+)', said, re.M)
    assert found is not None
    return int(found[1]) / _MIB
