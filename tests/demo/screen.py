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

"""What the demo prints; in colour on a terminal, plain elsewhere."""

from collections.abc import Iterator
import contextlib
import itertools
import os
import sys
import time

WIDTH = 78


def _styled(text: str, style: str) -> str:
    if not sys.stdout.isatty() or 'NO_COLOR' in os.environ:
        return text
    return f'\033[{style}m{text}\033[0m'


def _print(text: str = '', end: str = '\n') -> None:
    print(text, end=end, flush=True)


def title(text: str) -> None:
    _print(_styled(text, '1'))


class Chapters:
    """Numbered headings."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def begin(self, text: str) -> None:
        _print()
        _print(_styled(f'{next(self._numbers)}. {text}', '1;36'))


def say(text: str) -> None:
    _print(text)


def proved(text: str) -> None:
    _print(_styled(f'ok: {text}', '1;32'))


def failed(text: str) -> None:
    _print(_styled(f'FAILED: {text}', '1;31'))


def command(line: str) -> None:
    _print()
    _print(_styled('$ ', '2') + _styled(line, '1;33'))


def numbers(found: Iterator[int]) -> None:
    """Numbers in a line, each as it comes."""
    for number in found:
        _print(f' {number}', end='')
    _print()


@contextlib.contextmanager
def stopwatch(what: str = '') -> Iterator[None]:
    """Print how long something took, at the right."""
    start = time.monotonic()
    yield
    took = f'{time.monotonic() - start:.2f} s'
    _print(what + _styled(took.rjust(WIDTH - len(what)), '2'))
