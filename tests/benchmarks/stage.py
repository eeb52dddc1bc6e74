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

"""Where the benchmarks play: guests without a test around them."""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
import contextlib
import functools
import os
import pathlib
import shlex
import time
from typing import Any

import libvirt
from oslo_config import cfg

import snapdriver
from snapdriver import conf as options
from snapdriver import privsep
from tests.functional import base
from tests.functional import disks
from tests.functional import engine
from tests.functional import guest
from tests.functional import host

_NOISE = 4 << 20  # bytes, repeated


class Stage(contextlib.ExitStack):
    """What a guest needs of its test, and a manager.

    The manager's helper process has been started, as it has in any service
    that runs for longer than one verb.
    """

    def __init__(self) -> None:
        super().__init__()
        self._scene: contextlib.ExitStack = self
        base._start_event_loop()
        cfg.CONF([], project='snapdriver', default_config_files=[])
        options.register_opts(cfg.CONF)
        for name, value in {
            'instances_path': str(disks.INSTANCES), 'min_free_percent': 0,
            'max_chain_depth': 30, 'max_snapshots_per_instance': 0,
            'max_snapshot_bytes_per_instance': 0.0,
        }.items():
            cfg.CONF.set_override(name, value, options.GROUP)
        cfg.CONF.set_override('helper_command', shlex.join(engine.HELPER),
                              privsep.CONTEXT.cfg_section)
        self.conn = libvirt.open(host.URI)
        self.callback(self.conn.close)
        self.manager = snapdriver.SnapshotManager(self.conn)
        privsep.ready()

    # What guest.Guest wants of its test.
    def addCleanup(self, call: Callable[..., Any], *args: Any) -> None:
        self._scene.callback(call, *args)

    def addDetail(self, name: str, detail: Any) -> None:
        pass

    @contextlib.contextmanager
    def scene(self) -> Iterator[None]:
        """Within come guests that are gone, with their files, after it."""
        with contextlib.ExitStack() as scene:
            self._scene = scene
            try:
                yield
            finally:
                self._scene = self

    def empty_guest(self, size: str, memory: int | None = None,
                    tick_ms: int = 5) -> guest.Guest:
        """A guest that is shut off and whose disk was never written."""
        return guest.Guest(self, size=size,  # type: ignore[arg-type]
                           memory=memory, tick_ms=tick_ms).define()

    def guest(self, size: str, tick_ms: int = 5) -> guest.Guest:
        """A guest that is shut off and whose disk has all been written.

        All clusters are in place, but hold no data: 20 GiB of them occupy
        three megabytes.
        """
        made = guest.Guest(self, size=size,  # type: ignore[arg-type]
                           tick_ms=tick_ms)
        disk = made.disks[0]
        host.run('qemu-img', 'create', '-q', '-f', 'qcow2',
                 '-o', 'preallocation=metadata', disk.path, size)
        host.run('qemu-img', 'rebase', '-u', '-f', 'qcow2', '-F', 'raw',
                 '-b', disk.base or '', disk.path)
        return made.define()


def write(vm: guest.Guest, pieces: Iterable[tuple[int, int]]) -> None:
    """Write random data to the disk of a guest that was never started.

    :param pieces: (offset, length) of each, in MiB.
    """
    commands = [word for offset, length in pieces for word in (
        '-c', f'write -q -s {_noise()} {offset}M {length}M')]
    if commands:
        host.run('qemu-io', '-f', 'qcow2', *commands, vm.directory / 'disk')


@functools.cache
def _noise() -> pathlib.Path:
    """A file of random data, which cannot be compressed."""
    file = host.ROOT / 'home' / 'noise'
    file.write_bytes(os.urandom(_NOISE))
    return file


def forget(file: pathlib.Path) -> None:
    """Have a file on disk, and not in memory."""
    host.as_root('dd', f'of={file}', 'oflag=nocache', 'count=0',
                 'conv=notrunc,fdatasync', 'status=none')


def timed(call: Callable[..., Any], *args: Any, **named: Any) -> float:
    """How many milliseconds a call takes."""
    start = time.perf_counter()
    call(*args, **named)
    return (time.perf_counter() - start) * 1000
