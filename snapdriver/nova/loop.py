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


"""Something that is done again and again, beside everything else."""

from collections.abc import Callable
import threading

from oslo_log import log as logging

LOG = logging.getLogger(__name__)


class Loop:
    """A daemon thread.

    Nothing of it is made before :meth:`start`: nova-compute forks before,
    and may run green threads or native ones.

    :param delay: seconds before the first time.
    :param interval: seconds from the end of one time to the next.
    """

    def __init__(self, name: str, act: Callable[[], None], delay: float,
                 interval: float) -> None:
        self._name, self._act = name, act
        self._delay, self._interval = delay, interval
        self._wake: threading.Event | None = None
        self._going = False

    def start(self) -> None:
        """Begin; nothing happens if it has begun."""
        if self._going:
            return
        self._going = True
        self._wake = threading.Event()
        threading.Thread(target=self._run, args=(self._wake,),
                         name=self._name, daemon=True).start()

    def stop(self) -> None:
        """Let the present time be the last; does not wait for its end."""
        self._going = False
        self.hurry()

    def hurry(self) -> None:
        """Let the next time be now."""
        if self._wake is not None:
            self._wake.set()

    def _run(self, wake: threading.Event) -> None:
        wait = self._delay
        while True:
            wake.wait(wait)
            wake.clear()
            if not self._going or wake is not self._wake:
                return
            try:
                self._act()
            except Exception:  # or it would never be done again
                LOG.exception('%s failed', self._name)
            wait = self._interval
