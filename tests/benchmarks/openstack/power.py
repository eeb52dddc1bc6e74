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

"""Hard reboot, stop and start of a server, by how many snapshots it has."""

from collections.abc import Callable

from tests.benchmarks.openstack import stage
from tests.openstack import server as servers

#: How often each is done with one server.
_TIMES = 3


def measure(where: stage.Stage, driver: str, count: int,
            samples: dict[tuple[str, str, int], list[float]]) -> None:
    """One server with so many snapshots."""
    with where.server() as server:
        for number in range(count):
            server.go_on()
            server.snapshot(f'benchmark {number}')
        compute = server.cloud.compute
        verbs: tuple[tuple[str, str, Callable[[], object]], ...] = (
            ('hard reboot', 'ACTIVE',
             lambda: compute.reboot_server(server.id, 'HARD')),
            ('stop', 'SHUTOFF', lambda: compute.stop_server(server.id)),
            ('start', 'ACTIVE', lambda: compute.start_server(server.id)),
        )
        for _ in range(_TIMES):
            for verb, status, act in verbs:
                samples[verb, driver, count].append(
                    _timed(server, act, status))


def _timed(server: servers.Server, act: Callable[[], object],
           status: str) -> float:
    """In ms; the guest's system is up before, so that it can be told."""
    if server.show().status == 'ACTIVE':
        server.wait_tick()
    start = stage.begin()
    act()
    return (stage.reach(server, status) - start) * 1000
