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

"""Another compute host, for what Nova asks before a server goes there."""

from collections.abc import Iterator
import contextlib
import pathlib
import subprocess
import sys
import tempfile
from typing import Any

from tests.openstack import host

NAME = 'elsewhere'
_OPTIONS = """
[DEFAULT]
compute_driver = fake.Elsewhere
host = {name}
state_path = {directory}
instances_path = {directory}
log_file = {log}
[oslo_concurrency]
lock_path = {directory}
"""


@contextlib.contextmanager
def host_elsewhere(test: Any) -> Iterator[None]:
    """Within, the scheduler knows another host, ``elsewhere``."""
    _forget(test)  # a test that was killed may have left it
    with tempfile.TemporaryDirectory() as directory:
        options = pathlib.Path(directory, 'elsewhere.conf')
        options.write_text(_OPTIONS.format(
            name=NAME, directory=directory,
            log=host.STATE / 'log' / f'nova-{NAME}.log'))
        process = subprocess.Popen(
            [sys.executable, pathlib.Path(__file__).with_name('elsewhere.py'),
             '--config-file', host.STATE / 'host' / 'etc/nova/nova.conf',
             '--config-file', options],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        try:
            test.poll(lambda: _is_up(test, process), f'{NAME} to be up')
            _tell_the_cell()
            yield
        finally:
            process.terminate()
            process.wait()
            _forget(test)


def _forget(test: Any) -> None:
    for service in _services(test):
        test.admin.compute.delete_service(service)


def _services(test: Any) -> list[Any]:
    return list(test.admin.compute.services(
        host=NAME, binary='nova-compute'))


def _is_up(test: Any, process: subprocess.Popen[bytes]) -> bool:
    if process.poll() is not None:
        raise AssertionError(f'nova-compute of {NAME} has ended; see its log')
    return any(service.state == 'up' for service in _services(test)) and any(
        found.service_details['host'] == NAME
        for found in test.admin.compute.hypervisors(details=True))


def _tell_the_cell() -> None:
    """Nova's own services look for new hosts too rarely."""
    subprocess.run(
        [pathlib.Path(sys.executable).with_name('nova-manage'),
         '--config-file', host.STATE / 'etc' / 'nova' / 'nova.conf',
         'cell_v2', 'discover_hosts'],
        check=True, timeout=300, capture_output=True)
