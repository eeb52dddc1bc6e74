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

"""Listing and showing; the command's start; a whole host's snapshots."""

import os
import pathlib
import subprocess
import sys
import time
from typing import NamedTuple
import uuid

from snapdriver import directory
from snapdriver import model
from snapdriver import naming
from snapdriver import state as state_file
from tests.benchmarks import report
from tests.benchmarks import stage
from tests.functional import host

_INSTANCES = 1000
_SNAPSHOTS = 10


class Used(NamedTuple):
    """What a process has used."""

    wall: float  # seconds
    cpu: float  # seconds
    peak: float  # MiB of resident memory
    output: str


def measure(where: stage.Stage, rounds: int) -> list[report.Row]:
    vm = where.guest('1G')
    for number in range(_SNAPSHOTS):
        where.manager.create(vm.name, f's{number}')
    manager = where.manager
    listed = [stage.timed(manager.list, vm.name) for _ in range(rounds)]
    shown = [stage.timed(manager.show, vm.name, 's5') for _ in range(rounds)]
    version = [_run('--version') for _ in range(rounds)]
    by_command = [_run('snapshot', 'list', vm.name) for _ in range(rounds)]
    return [
        report.limited(f'list, {_SNAPSHOTS} snapshots, in process', listed,
                       10, 'ms'),
        report.limited(f'show, one of {_SNAPSHOTS}, in process', shown,
                       10, 'ms'),
        report.limited('snapdriver --version, CPU',
                       [used.cpu * 1000 for used in version], 500, 'ms'),
        report.limited('snapdriver snapshot list DOMAIN, CPU',
                       [used.cpu * 1000 for used in by_command], 500, 'ms'),
        *_measure_all(min(rounds, 5))]


def _measure_all(rounds: int) -> list[report.Row]:
    """All the snapshots of a host with many instances."""
    root = host.ROOT / 'home' / 'fleet'
    root.mkdir()
    for _ in range(_INSTANCES):
        _make_instance(root)
    rows = []
    for form in ('table', 'json'):
        runs = [_run('--instances-path', str(root), 'snapshot', 'list',
                     '--all', '-f', form) for _ in range(rounds)]
        for used in runs:
            _require_all(used.output)
        what = f'list --all -f {form}, {_INSTANCES} x {_SNAPSHOTS}'
        rows += [
            report.limited(f'{what}, time',
                           [used.wall for used in runs], 2, 's'),
            report.limited(f'{what}, memory',
                           [used.peak for used in runs], 200, 'MiB')]
    return rows


def _require_all(output: str) -> None:
    listed = output.count('quiesced')  # once for each
    if listed != _INSTANCES * _SNAPSHOTS:
        raise AssertionError(f'only {listed} snapshots were listed')


def _make_instance(root: pathlib.Path) -> None:
    """An instance with snapshots of its disk, all in one line."""
    identity = str(uuid.uuid4())
    path = root / identity
    path.mkdir()
    layers: dict[str, model.Layer] = {}
    snapshots: dict[str, model.Snapshot] = {}
    below = parent = None
    for number in range(_SNAPSHOTS + 1):
        layer = naming.new_layer_id()
        layers[layer] = model.Layer(
            id=layer, disk='disk', file=naming.layer_file('disk', layer),
            format='qcow2', parent=below, created_at=time.time(),
            fresh_bytes=196624)
        (path / layers[layer].file).touch()
        if below is not None:
            snapshot = naming.new_snapshot_id()
            snapshots[snapshot] = _snapshot(
                snapshot, number, parent, below, layers[layer].file)
            parent = snapshot
        below = layer
    where = directory.Directory(str(path))
    folder = where.subdirectory('snapdriver')
    state_file.save(folder, model.State(
        uuid=identity, name=f'instance-{identity[:8]}', host=os.uname()[1],
        disks={'disk': model.Disk(
            name='disk', target='vda', size=20 << 30,
            base=str(root / '_base' / ('f' * 40)), base_format='raw',
            active=below or '')},
        layers=layers, snapshots=snapshots, current=parent))
    folder.close()
    where.close()


def _snapshot(identity: str, number: int, parent: str | None, layer: str,
              overlay: str) -> model.Snapshot:
    return model.Snapshot(
        id=identity, name=identity, kind='external', state='disk-snapshot',
        parent=parent, created_at=1.7e9 + number, frozen_at=1.7e9 + number,
        consistency=model.Consistency.QUIESCED,
        disks={'disk': model.Point(layer, 20 << 30, overlay=overlay)},
        left_out={'hda': 'it is a cdrom'},
        description=f'Nightly snapshot number {number} of this server',
        properties={'image_name': f'nightly-{number}'})


def _run(*arguments: str) -> Used:
    """The command, in a process of its own."""
    command = pathlib.Path(sys.executable).with_name('snapdriver')
    start = time.perf_counter()
    with subprocess.Popen([command, *arguments], stdout=subprocess.PIPE,
                          text=True) as process:
        output = process.stdout.read() if process.stdout else ''
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - start
    if process.returncode:
        raise AssertionError(f'snapdriver {" ".join(arguments)} failed')
    return Used(wall, usage.ru_utime + usage.ru_stime,
                usage.ru_maxrss / 1024, output)
