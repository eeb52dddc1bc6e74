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

"""Internal snapshots of a running guest, with its memory.

Two guests of one make: one is snapshotted and reverted through our API, the
other by libvirt alone, in turns, so that both always have as many tags.
"""

from collections.abc import Callable
import functools
import sys

import libvirt

from tests.benchmarks import report
from tests.benchmarks import stage
from tests.functional import guest

_KIND = 'internal'
_MEMORY = 128  # MiB
_XML = '<domainsnapshot><name>{}</name></domainsnapshot>'


def measure(where: stage.Stage, rounds: int) -> list[report.Row]:
    if _KIND not in where.manager.kinds:
        print(f'skipped: there is no backend "{_KIND}"', file=sys.stderr)
        return []
    created: tuple[list[float], list[float]] = ([], [])
    reverted: tuple[list[float], list[float]] = ([], [])
    both = [where.empty_guest('1G', _MEMORY).start() for _ in range(2)]
    for vm in both:
        vm.dom.suspend()
    for number in range(rounds):
        name = f's{number}'
        for which in (0, 1) if number % 2 else (1, 0):
            vm = both[which]
            create, revert = (_by_libvirt if which else functools.partial(
                _by_us, where))(vm, name)
            created[which].append(_timed(vm, create))
            reverted[which].append(_timed(vm, revert))
    return [
        report.compared(
            f'create, internal, running, {_MEMORY} MiB of memory',
            *created, 'virDomainSnapshotCreateXML', 1.2),
        report.compared(
            f'revert, internal, running, {_MEMORY} MiB of memory',
            *reverted, 'virDomainRevertToSnapshot', 1.2)]


#: A create, and a revert to what it has made.
Both = tuple[Callable[[], object], Callable[[], object]]


def _by_us(where: stage.Stage, vm: guest.Guest, name: str) -> Both:
    return (
        functools.partial(where.manager.create, vm.name, name, kind=_KIND),
        functools.partial(where.manager.revert, vm.name, name, safety=False))


def _by_libvirt(vm: guest.Guest, name: str) -> Both:
    def revert() -> None:
        dom = vm.dom
        dom.revertToSnapshot(dom.snapshotLookupByName(name),
                             libvirt.VIR_DOMAIN_SNAPSHOT_REVERT_RUNNING)

    return functools.partial(vm.dom.snapshotCreateXML,
                             _XML.format(name), 0), revert


def _timed(vm: guest.Guest, act: Callable[[], object]) -> float:
    """What it takes; the guest runs before it, and is paused after it."""
    vm.dom.resume()
    vm.wait_more_ticks(20)
    took = stage.timed(act)
    vm.wait_more_ticks(1)
    vm.dom.suspend()
    return took
