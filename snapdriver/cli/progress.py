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


"""A bar that shows how far something is; nothing where nobody looks.

::

    exporting [==========>                   ]  35 %
"""

from collections.abc import Callable
from collections.abc import Iterator
import contextlib
import shutil
import time
from typing import TextIO

_WIDEST = 40
_SECONDS = 0.1  # between redraws
_ERASE = '\r\x1b[K'


@contextlib.contextmanager
def bar(title: str, stream: TextIO) -> Iterator[Callable[[float], None]]:
    """What to call with the percentage done; the bar goes at the end.

    :param stream: stderr, so that stdout is the command's answer only.
    """
    if not stream.isatty():
        yield lambda percent: None
        return
    drawn, last = '', 0.0

    def update(percent: float) -> None:
        nonlocal drawn, last
        text = _draw(title, percent, shutil.get_terminal_size().columns)
        now = time.monotonic()
        if text == drawn or (drawn and now < last + _SECONDS):
            return
        stream.write(f'{_ERASE}{text}')
        stream.flush()
        drawn, last = text, now

    try:
        yield update
    finally:
        if drawn:
            stream.write(_ERASE)
            stream.flush()


def _draw(title: str, percent: float, columns: int) -> str:
    """The bar, shorter than a line: a full one would make two."""
    percent = min(100.0, max(0.0, percent))
    width = min(_WIDEST, columns - len(title) - len(' [] 100 %') - 1)
    if width < 1:
        return f'{percent:.0f} %'
    done = int(width * percent / 100)
    signs = ('=' * done + '>' * (done < width)).ljust(width)
    return f'{title} [{signs}] {percent:3.0f} %'
