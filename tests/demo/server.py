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

"""The server of the OpenStack demo, as its tenant sees it."""

from collections.abc import Callable
from collections.abc import Iterator
import re
import time
from typing import Any

_PATIENCE = 120  # seconds; nothing here takes half of it
_TICK = re.compile(r'^T (\d+)\s*$', re.MULTILINE)
_FOUND = re.compile(r'^FOUND vda tick (\S+)', re.MULTILINE)


class Late(Exception):
    """Something did not come."""


class Server:
    """A server whose guest (``tests/guest/init.c``) counts on its disk.

    :param cloud: an ``openstack.connection.Connection``.
    """

    def __init__(self, cloud: Any, name: str) -> None:
        self._cloud = cloud
        self.name = name
        self.id = str(cloud.compute.find_server(name, ignore_missing=False).id)

    def wait(self) -> None:
        """Until it is active, and nothing is being done with it."""
        def is_idle() -> bool:
            server = self._cloud.compute.get_server(self.id)
            if server.status == 'ERROR':
                raise Late(f'{self.name} is in ERROR: {server.fault}')
            return server.status == 'ACTIVE' and server.task_state is None

        poll(is_idle, f'{self.name} to be active')

    def found(self) -> int | None:
        """The number that the guest found on its disk when it booted."""
        said = poll(lambda: _FOUND.findall(self._console()),
                    f'{self.name} to boot')[-1]
        return None if said == 'none' else int(said)

    def counter(self) -> int:
        """The last number that is known to be on the disk."""
        return int(poll(lambda: _TICK.findall(self._console()),
                        f'{self.name} to count')[-1])

    def count(self, numbers: int) -> Iterator[int]:
        """The next numbers, each when it is on the disk."""
        last = self.counter()
        for number in range(last + 1, last + 1 + numbers):
            poll(lambda: self.counter() >= number,  # noqa: B023
                 f'{self.name} to count to {number}')
            yield number

    def _console(self) -> str:
        """All that it said since it was started last."""
        output = self._cloud.compute.get_server_console_output(self.id)
        return str(output['output']).replace('\0', '')


def poll(condition: Callable[[], Any], what: str) -> Any:
    """Until the condition is true; returns what it then is.

    :raises Late: it takes too long.
    """
    end = time.monotonic() + _PATIENCE
    while not (result := condition()):
        if time.monotonic() > end:
            raise Late(f'waited in vain for {what}')
        time.sleep(0.1)
    return result
