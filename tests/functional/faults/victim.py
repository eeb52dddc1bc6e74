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

"""A process that runs one verb, and dies where it is told to."""

from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import functools
import multiprocessing
from multiprocessing import connection
import os
import signal
from typing import Any

import libvirt
from oslo_config import cfg

import snapdriver
from snapdriver import conf as options
from snapdriver import exception
from snapdriver import journal
from snapdriver import privsep
from tests.functional import host


@dataclasses.dataclass(frozen=True)
class Job:
    """What a victim does.

    :ivar signal_at: at which announced phase, counted from 0; None for none.
    :ivar signal: SIGKILL to die there, SIGSTOP to stand still.
    :ivar options: of group [snapdriver].
    """

    verb: str
    domain: str
    arguments: Sequence[Any] = ()
    named: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    signal_at: int | None = None
    signal: int = signal.SIGKILL
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    helper_command: str = ''


class Victim:
    """A process that runs a job, with a connection of its own.

    It is forked from a server that has imported everything, as starting
    Python afresh for each of a hundred deaths would take minutes.

    :ivar phases: the announced ones so far, as ``create:planned``.
    :ivar answer: what the verb returned, or the error that it raised; None
        as long as there is neither.
    """

    def __init__(self, job: Job) -> None:
        self.phases: list[str] = []
        self.answer: str | exception.SnapdriverError | None = None
        self._pipe, theirs = _server().Pipe(duplex=False)
        self._process = _server().Process(target=_run, args=(job, theirs))
        self._process.start()
        theirs.close()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def wait_phase(self, phase: str, timeout: float = 30) -> None:
        """Wait until it announces that phase; see that it does."""
        while phase not in self.phases:
            if not self._pipe.poll(timeout) or not self._receive():
                raise AssertionError(f'{phase} after {self.phases}? '
                                     f'{self.answer!r}')

    def wait_stopped(self) -> None:
        """Wait until it stands still by SIGSTOP."""
        host.wait_until(lambda: _process_state(self.pid) == 'T',
                        'the victim stands still')

    def go_on(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def kill(self) -> None:
        self._process.kill()

    def wait(self, timeout: float = 90) -> int:
        """Wait for its end; its exit code, negative for a signal."""
        while self._pipe.poll(timeout):
            if not self._receive():
                break
        self._process.join(timeout)
        code = self._process.exitcode
        if code is None:
            self.kill()
            raise AssertionError(f'no end within {timeout} s; {self.phases}')
        return code

    def _receive(self) -> bool:
        try:
            told = self._pipe.recv()
        except EOFError:
            return False
        if isinstance(told, tuple):
            self.phases.append(':'.join(told))
        else:
            self.answer = told
        return True


def run(job: Job) -> Victim:
    """Run a job to its end, or death."""
    victim = Victim(job)
    code = victim.wait()
    expected = (0,) if job.signal_at is None else (-job.signal, 0)
    if code not in expected:
        raise AssertionError(f'victim exited {code}: {victim.answer!r}')
    return victim


@functools.cache
def _server() -> Any:
    context = multiprocessing.get_context('forkserver')
    context.set_forkserver_preload([__name__, 'testtools'])
    return context


def _run(job: Job, pipe: connection.Connection) -> None:
    """In the victim."""
    cfg.CONF([], project='snapdriver', default_config_files=[])
    options.register_opts(cfg.CONF)
    for name, value in job.options.items():
        cfg.CONF.set_override(name, value, options.GROUP)
    cfg.CONF.set_override('helper_command', job.helper_command,
                          privsep.CONTEXT.cfg_section)
    reached = 0

    def observe(verb: str, phase: str) -> None:
        nonlocal reached
        pipe.send((verb, phase))
        if reached == job.signal_at:
            os.kill(os.getpid(), job.signal)
        reached += 1

    journal.observer = observe
    manager = snapdriver.SnapshotManager(libvirt.open(host.URI))
    try:
        answer: Any = getattr(manager, job.verb)(
            job.domain, *job.arguments, **job.named)
    except exception.SnapdriverError as error:
        pipe.send(error)
    else:
        pipe.send(repr(answer))


def _process_state(pid: int) -> str:
    with open(f'/proc/{pid}/stat') as file:
        return file.read().rsplit(')', 1)[1].split()[0]
