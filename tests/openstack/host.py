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

"""The compute host of ``tools/openstack``, seen from its shell."""

from collections.abc import Iterator
from collections.abc import Sequence
import contextlib
import json
import os
import pathlib
import subprocess
import sys
from typing import Any
from typing import BinaryIO

REPOSITORY = pathlib.Path(__file__).parents[2]
_TOOL = REPOSITORY / 'tools' / 'openstack'
STATE = pathlib.Path(os.environ.get(
    'SNAPDRIVER_OPENSTACK', '/var/tmp/snapdriver-openstack'))
INSTANCES = STATE / 'nova' / 'instances'
LOG = STATE / 'log' / 'nova-compute.log'
IMAGE = STATE / 'image' / 'ticker.qcow2'
#: Answers slowly when the machine is busy; nothing is timed by it.
PATIENCE = 120.0


def run(*command: str, check: bool = True,
        user: str = 'root') -> subprocess.CompletedProcess[str]:
    """A command on the compute host.

    :param check: whether it has to succeed.
    """
    done = subprocess.run(
        _inside(*command, user=user), stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=300)
    if check and done.returncode:
        raise AssertionError(
            f'{" ".join(command)}: exit code {done.returncode}\n'
            f'{done.stdout}{done.stderr}')
    return done


def _inside(*command: str, user: str) -> Sequence[Any]:
    return (_TOOL, 'exec', *(('--nova',) if user == 'nova' else ()), *command)


def virsh(*command: str) -> str:
    return run('virsh', *command).stdout


def snapdriver(*command: str) -> Any:
    """What our command prints as JSON, run as Nova's user."""
    done = run('snapdriver', *command, '-f', 'json', check=False, user='nova')
    try:
        return json.loads(done.stdout)
    except ValueError:
        raise AssertionError(f'snapdriver {" ".join(command)}: exit code '
                             f'{done.returncode}\n{done.stderr}') from None


def compute(verb: str, *options: str, **environment: str) -> None:
    """``start``, ``stop``, ``restart`` or ``kill`` nova-compute.

    :param options: of nova.conf until the next start:
        ``snapdriver.enabled=false``.
    """
    _tool('compute', verb, *(
        word for option in options for word in ('-o', option)),
        **environment)


def power(verb: str) -> None:
    """``kill`` the whole host, as a power cut does, or ``start`` it."""
    _tool('host', verb)


def service(verb: str, name: str) -> None:
    """``kill`` or ``start`` one that answers the API, ``glance`` say."""
    _tool('service', verb, name)


def _tool(*command: str, **environment: str) -> None:
    subprocess.run([_TOOL, *command], check=True, timeout=300,
                   stdin=subprocess.DEVNULL, capture_output=True,
                   env=os.environ | environment)


def log(since: int) -> str:
    """What nova-compute has logged since its log had that size."""
    with LOG.open('rb') as file:
        file.seek(since)
        return file.read().decode(errors='replace')


def errors(since: int) -> Sequence[str]:
    """The lines of that which are errors."""
    return [line for line in log(since).splitlines()
            if ' ERROR ' in line or ' CRITICAL ' in line]


def soft_delete(uuid: str) -> None:
    """What nova-api does where ``reclaim_instance_interval`` is set.

    It is not set here, as every test that deletes a server would wait for it.
    """
    subprocess.run(
        [sys.executable, pathlib.Path(__file__).parent / 'soft_delete.py',
         STATE / 'etc' / 'nova' / 'nova.conf', uuid],
        check=True, timeout=300, capture_output=True)


def terminal(uuid: str) -> BinaryIO:
    """The other end of a guest's serial line; the caller closes it."""
    return open(virsh('ttyconsole', uuid).strip(), 'r+b', buffering=0)


@contextlib.contextmanager
def started(*command: str, user: str = 'root'
            ) -> Iterator[subprocess.Popen[bytes]]:
    """A command that runs meanwhile; it is ended if it has not yet."""
    with subprocess.Popen(_inside(*command, user=user),
                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.terminate()


def state(uuid: str) -> Any:
    """What we have written about an instance."""
    return json.loads((INSTANCES / uuid / 'snapdriver' / 'state.json'
                       ).read_text())


def bases() -> Sequence[str]:
    """Names in Nova's cache of images."""
    return sorted(entry.name for entry in (INSTANCES / '_base').iterdir())


def files(uuid: str) -> Sequence[str]:
    """Names in an instance's directory; none if it is gone."""
    path = INSTANCES / uuid
    return sorted(entry.name for entry in path.iterdir()) if (
        path.is_dir()) else []


def disk_images(uuid: str) -> int:
    """How many an instance has; one may have two names."""
    return len({(INSTANCES / uuid / name).stat().st_ino
                for name in files(uuid)
                if name == 'disk' or name.startswith('disk.layer-')})
