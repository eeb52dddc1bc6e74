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

"""Creating an external snapshot of a running guest.

Two guests of one make: one is snapshotted through our API, the other by
libvirt alone, in turns, so that both are always equally deep.
"""

from collections.abc import Callable
from collections.abc import Iterator
import contextlib
import dataclasses
import functools
import statistics
import time

import libvirt

from tests.benchmarks import report
from tests.benchmarks import stage
from tests.functional import guest
from tests.functional import host

_DEEPEST = 12
_FLAGS = (libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY
          | libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_ATOMIC
          | libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_REUSE_EXT)
_XML = """\
<domainsnapshot>
  <name>{name}</name>
  <disks>
    <disk name='vda' snapshot='external' type='file'>
      <driver type='qcow2'/>
      <source file='{overlay}'/>
    </disk>
  </disks>
</domainsnapshot>
"""

#: What preparing took, and the call that is measured.
Create = tuple[float, Callable[[], object]]


@dataclasses.dataclass(frozen=True)
class Sample:
    """One create: how long it took, and the guest's longest silence.

    :ivar depth: layers that the disk had before it.
    :ivar prepared: what had to be done before, in ms; 0 for ours.
    """

    depth: int
    prepared: float  # all in ms
    took: float
    gap: float


def measure(where: stage.Stage, rounds: int) -> list[report.Row]:
    ours, theirs = {}, {}
    for size in ('1G', '20G'):
        ours[size], theirs[size] = _measure(where, size, rounds)
    rows = []
    for size in ours:
        for depth in (1, _DEEPEST):
            rows.append(report.compared(
                f'create, running, {size}iB written, depth {depth}',
                _took(ours[size], depth), _took(theirs[size], depth),
                'virDomainSnapshotCreateXML', 1.5))
    every = [s for size in ours for s in ours[size]]
    reference = [s for size in ours for s in theirs[size]]
    return [*rows, *(
        report.compared(what, mine, other, against, 1.5)
        for what, mine, other, against in (
            ('create, running, all of these', _took(every),
             _took(reference), 'virDomainSnapshotCreateXML'),
            ('    the same, beside all that is done by hand', _took(every),
             [s.prepared + s.took for s in reference],
             'that and qemu-img create'),
            ('the guest\'s worst gap meanwhile, median',
             [s.gap for s in every], [s.gap for s in reference],
             'virDomainSnapshotCreateXML'),
            ('the guest\'s worst gap meanwhile, 95 %',
             [_most([s.gap for s in every])],
             [_most([s.gap for s in reference])],
             'virDomainSnapshotCreateXML'),
            ('create, running, 20GiB written', _took(ours['20G']),
             _took(ours['1G']), 'ours with 1GiB'),
            (f'create, running, depth {_DEEPEST}', _took(every, _DEEPEST),
             _took(every, 1), 'ours with depth 1'),
        ))]


def _took(samples: list[Sample], depth: int | None = None) -> list[float]:
    """Times at that depth, and at the next to it: there are few of each."""
    return [s.took for s in samples
            if depth is None or abs(s.depth - depth) <= 1]


def _most(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


def _measure(where: stage.Stage, size: str,
             rounds: int) -> tuple[list[Sample], list[Sample]]:
    ours: list[Sample] = []
    theirs: list[Sample] = []
    for number in range(rounds):
        with contextlib.ExitStack() as both:
            by_us, by_libvirt = (
                both.enter_context(_running(where, size)) for _ in range(2))
            turns = [(by_us, _by_us(where, by_us), ours),
                     (by_libvirt, _by_libvirt(by_libvirt), theirs)]
            for depth in range(1, _DEEPEST + 2):
                for vm, creates, samples in (
                        turns if (number + depth) % 2 else turns[::-1]):
                    samples.append(_sample(vm, depth, creates))
    return ours, theirs


@contextlib.contextmanager
def _running(where: stage.Stage, size: str) -> Iterator[guest.Guest]:
    """A guest that runs when it is its turn; now it is paused."""
    vm = where.guest(size).start()
    vm.dom.suspend()
    yield vm
    vm.destroy()


def _sample(vm: guest.Guest, depth: int,
            creates: Iterator[Create]) -> Sample:
    vm.dom.resume()
    vm.wait_more_ticks(20)
    prepared, create = next(creates)
    start = time.monotonic()
    took = stage.timed(create)
    gap = vm.worst_gap(start, time.monotonic())
    vm.dom.suspend()
    return Sample(depth, prepared, took, gap * 1000)


def _by_us(where: stage.Stage, vm: guest.Guest) -> Iterator[Create]:
    """The domain is at hand, as it is for libvirt, and as Nova has it."""
    number, dom = 0, vm.dom
    while True:
        number += 1
        yield 0, functools.partial(where.manager.create, dom, f's{number}')


def _by_libvirt(vm: guest.Guest) -> Iterator[Create]:
    """The overlay is made before, and libvirt told to use it."""
    number, active, dom = 0, 'disk', vm.dom
    while True:
        number += 1
        overlay = vm.directory / f'disk.s{number}'
        size = host.run('stat', '-c', '%s', vm.disks[0].base or '').stdout
        prepared = stage.timed(
            host.run, *('qemu-img', 'create', '-q', '-u', '-f', 'qcow2'),
            *('-F', 'qcow2', '-b', active, str(overlay), size.strip()))
        xml = _XML.format(name=f's{number}', overlay=overlay)
        yield prepared, functools.partial(
            dom.snapshotCreateXML, xml, _FLAGS)
        active = overlay.name
