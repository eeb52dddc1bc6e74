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

"""The command ``openstack``, as people run it."""

from collections.abc import Iterator
from collections.abc import Sequence
import json
import os
import pathlib
import pty
import shlex
import subprocess
import sys
from typing import Any

from tests.openstack import host

_MANUAL = host.REPOSITORY / 'doc' / 'source' / 'cli' / 'openstack.rst'
_PROMPT = '   $ '
_COMMAND = ('openstack', 'server', 'snapshot')


def run(cloud: str, *words: str, check: bool = True,
        terminal: str | None = None) -> subprocess.CompletedProcess[str]:
    """A command, of ``openstack`` or of its ``server snapshot``.

    :param cloud: ``demo`` or ``admin``, in clouds.yaml.
    :param check: whether it has to succeed.
    :param terminal: what is typed there; there is no terminal by default.
    """
    typed, stdin = (None, subprocess.DEVNULL) if terminal is None else (
        pty.openpty())
    try:
        if typed is not None and terminal is not None:
            os.write(typed, terminal.encode())
        done = subprocess.run(
            [pathlib.Path(sys.executable).parent / 'openstack', *words],
            stdin=stdin, capture_output=True, text=True, timeout=300,
            env=os.environ | {'OS_CLOUD': cloud, 'COLUMNS': '200'})
    finally:
        if typed is not None:
            os.close(typed)
            os.close(stdin)
    if check and done.returncode:
        raise AssertionError(
            f'{" ".join(words)}: exit code {done.returncode}\n'
            f'{done.stdout}{done.stderr}')
    return done


def snapshot(cloud: str, *words: str, **options: Any
             ) -> subprocess.CompletedProcess[str]:
    """``openstack server snapshot``; what is more is as with :func:`run`."""
    return run(cloud, *_COMMAND[1:], *words, **options)


def answer(cloud: str, *words: str) -> Any:
    """What ``openstack server snapshot`` says as JSON."""
    return json.loads(snapshot(cloud, *words, '-f', 'json').stdout)


def manual(section: str) -> Iterator[Sequence[str]]:
    """The words of each of our commands in a section of the manual."""
    text = _MANUAL.read_text().partition(f'\n{section}\n====')[2]
    lines = iter(text.partition('\n====')[0].splitlines())
    for line in lines:
        if line.startswith(_PROMPT):
            while line.endswith('\\'):
                line = line[:-1] + next(lines)
            words = shlex.split(line.removeprefix(_PROMPT))
            if tuple(words[:3]) == _COMMAND:
                yield words[3:]
