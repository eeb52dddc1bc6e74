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
import contextlib
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


class Stage(contextlib.ExitStack):
    """What a guest needs of its test, and a manager.

    The manager's helper process has been started, as it has in any service
    that runs for longer than one verb.
    """

    def __init__(self) -> None:
        super().__init__()
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
        self.callback(call, *args)

    def addDetail(self, name: str, detail: Any) -> None:
        pass

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


def timed(call: Callable[..., Any], *args: Any, **named: Any) -> float:
    """How many milliseconds a call takes."""
    start = time.perf_counter()
    call(*args, **named)
    return (time.perf_counter() - start) * 1000
