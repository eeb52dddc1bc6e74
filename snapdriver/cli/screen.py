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

"""Where a drawing is shown: what it can take there."""

from collections.abc import Mapping
import dataclasses
import os
from typing import TextIO


@dataclasses.dataclass(frozen=True, slots=True)
class Screen:
    """A terminal, or whatever else takes a text.

    :ivar encoding: None for one that knows ASCII only.
    :ivar width: columns of text; 0 for as many as there may be.
    :ivar colours: whether it understands escape sequences.
    """

    encoding: str | None = None
    width: int = 0
    colours: bool = False

    def can_show(self, text: str) -> bool:
        """Whether its encoding has all of these characters."""
        try:
            text.encode(self.encoding or 'ascii')
        except (UnicodeEncodeError, LookupError):
            return False
        return True

    def styled(self, text: str, style: str) -> str:
        """In that style (``1`` is bold, ``2`` faint), if there are any."""
        if not self.colours or not style or not text:
            return text
        return f'\033[{style}m{text}\033[0m'


def of(stream: TextIO, max_width: int = 0,
       environment: Mapping[str, str] = os.environ) -> Screen:
    """What that stream is shown on.

    A file or a pipe has no width and no colours; nor has a terminal colours
    if ``NO_COLOR`` is set (https://no-color.org).

    :param max_width: instead of the terminal's width; 0 for that.
    """
    encoding = getattr(stream, 'encoding', None)
    if not stream.isatty():
        return Screen(encoding, max(0, max_width))
    return Screen(
        encoding, max_width if max_width > 0 else _width(stream),
        not environment.get('NO_COLOR') and environment.get('TERM') != 'dumb')


def _width(stream: TextIO) -> int:
    try:
        return os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError):
        return 0
