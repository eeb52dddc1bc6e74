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

"""The host that tools/sandbox makes: root, libvirtd, the command."""

from collections.abc import Callable
import os
import pathlib
import shutil
import subprocess
import sys
import time
from typing import Literal

import libvirt

URI = 'qemu:///system'
ROOT = pathlib.Path(os.environ.get('SNAPDRIVER_TEST_ROOT', '/nonexistent'))
GUEST = pathlib.Path(os.environ.get('SNAPDRIVER_TEST_GUEST', '/nonexistent'))
OWNER = os.environ.get('SNAPDRIVER_TEST_OWNER', '')

_DAEMON = 'libvirtd' if shutil.which('libvirtd') else 'virtqemud'
_RUN = pathlib.Path('/run')


def wait_until(
    predicate: Callable[[], object], what: str, timeout: float = 30
) -> None:
    """Poll until something is so that nobody would tell us of."""
    end = time.monotonic() + timeout
    while not predicate():
        if time.monotonic() > end:
            raise AssertionError(f'not within {timeout} s: {what}')
        time.sleep(0.02)


def run(
    *command: str | os.PathLike[str], check: bool = True, timeout: float = 120
) -> subprocess.CompletedProcess[str]:
    """Run a command as the tests' own user, the instances' owner."""
    done = subprocess.run(
        command,
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    if check and done.returncode:
        raise AssertionError(
            f'{command} exited {done.returncode}:\n{done.stdout}{done.stderr}'
        )
    return done


def as_root(
    *command: str | os.PathLike[str], check: bool = True, timeout: float = 120
) -> subprocess.CompletedProcess[str]:
    """Run a command as root; the sandbox lets the owner."""
    return run('sudo', '-n', *command, check=check, timeout=timeout)


def run_cli(
    *arguments: str,
    user: Literal['owner', 'root'] = 'owner',
    check: bool = True,
    timeout: float = 120,
) -> subprocess.CompletedProcess[str]:
    """Run the snapdriver command, in a process of its own."""
    runner = as_root if user == 'root' else run
    return runner(
        sys.executable,
        '-m',
        'snapdriver.cli',
        *arguments,
        check=check,
        timeout=timeout,
    )


def qemu_pid(domain: str) -> int | None:
    """Tell the process that runs a domain, if one does."""
    return _pid(_RUN / 'libvirt' / 'qemu' / f'{domain}.pid')


def libvirtd_pid() -> int | None:
    """Tell libvirtd's process, if it runs."""
    return _pid(_RUN / f'{_DAEMON}.pid')


def stop_libvirtd(kill: bool = True) -> None:
    """Stop libvirtd, by SIGKILL unless told otherwise; QEMUs run on."""
    pid = libvirtd_pid()
    if pid is None:
        return
    as_root('kill', '-KILL' if kill else '-TERM', str(pid))
    wait_until(lambda: not _runs(pid), 'libvirtd ends')


def start_libvirtd() -> None:
    """Start libvirtd, unless it runs, and wait until it answers."""
    if libvirtd_pid() is None:
        as_root(_DAEMON, '--daemon')
    wait_until(_libvirtd_answers, 'libvirtd answers')


def restart_libvirtd(kill: bool = True) -> None:
    """Stop libvirtd and start it again; see :func:`stop_libvirtd`."""
    stop_libvirtd(kill)
    start_libvirtd()


def _libvirtd_answers() -> bool:
    try:
        libvirt.open(URI).close()
    except libvirt.libvirtError:
        return False
    return True


def _pid(file: pathlib.Path) -> int | None:
    try:
        pid = int(file.read_text())
    except (FileNotFoundError, ValueError):
        return None
    return pid if _runs(pid) else None


def _runs(pid: int) -> bool:
    return pathlib.Path('/proc', str(pid)).exists()
