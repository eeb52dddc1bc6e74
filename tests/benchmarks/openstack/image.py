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

"""``image create`` of a running server, and the way back to it."""

from tests.benchmarks.openstack import counter
from tests.benchmarks.openstack import stage
from tests.openstack import server as servers

#: Which payloads are asked for, and how often: a manifest is ready at once.
_PAYLOADS: dict[str, dict[str, int]] = {
    'stock': {'stock': 1},
    'ours': {'disk': 1, 'manifest': 3},
}


def measure(where: stage.Stage, driver: str, size: int,
            samples: dict[tuple[str, str, int], list[float]]) -> None:
    """One server with so many MiB written, imaged and put back."""
    with where.server(size) as server, counter.Counter(server) as watch:
        watch.hurry()
        image = ''
        for payload, times in _PAYLOADS[driver].items():
            for _ in range(times):
                image, took, pause = _create(server, watch, payload)
                samples['image', payload, size].append(took)
                samples['pause', payload, size].append(pause)
        if driver == 'stock':
            # There is no going back: it makes a new disk.
            image = server.show().image.id
        start = stage.begin()
        server.rebuild(image, wait=False)
        end = stage.reach(server, 'ACTIVE')
        samples['revert', driver, size].append((end - start) * 1000)
        samples['counting', driver, size].append(
            (watch.counts_again(start) - start) * 1000)


def _create(server: servers.Server, watch: counter.Counter,
            payload: str) -> tuple[str, float, float]:
    """The image, what it took, and the guest's worst pause; both in ms."""
    start = stage.begin()
    image = server.snapshot(
        'benchmark', payload=None if payload == 'stock' else payload,
        wait=False)
    end = stage.active(server, image)
    pause = watch.worst(start, end)
    server.wait('ACTIVE')
    return image, (end - start) * 1000, pause
