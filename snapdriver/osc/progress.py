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

"""A line that says what is being waited for; nothing where nobody looks.

::

    before-upgrade: image_uploading (12 s)
"""

from collections.abc import Callable
import time
from typing import TextIO

_SECONDS = 1.0  # between questions
_ERASE = '\r\x1b[K'


def wait(look: Callable[[], str | None], title: str, stream: TextIO) -> None:
    """Look again and again, until there is nothing left to wait for.

    :param look: returns what it sees, or None when that is the end.
    :param stream: stderr, so that stdout is the command's answer only.
    """
    begin = time.monotonic()
    shown = stream.isatty()
    try:
        while (seen := look()) is not None:
            if shown:
                seconds = int(time.monotonic() - begin)
                stream.write(f'{_ERASE}{title}: {seen} ({seconds} s)')
                stream.flush()
            time.sleep(_SECONDS)
    finally:
        if shown:
            stream.write(_ERASE)
            stream.flush()
