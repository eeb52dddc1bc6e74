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

"""What the commands' arguments have in common."""

import argparse
from typing import NoReturn
from typing import TypeVar

from snapdriver.cli import errors

_P = TypeVar('_P', bound=argparse.ArgumentParser)


def shorten(parser: _P) -> _P:
    """Let mistakes be answered in one line, not with the whole usage."""
    def error(message: str) -> NoReturn:
        text = errors.one_line(message)
        parser.exit(2, f'{parser.prog}: {text}; see "{parser.prog} --help"\n')

    # argparse has no option for it, and cliff makes the parser itself.
    parser.error = error  # type: ignore[method-assign]
    return parser


def key_value(text: str) -> tuple[str, str]:
    """The type of a ``KEY=VALUE`` argument."""
    key, equals, value = text.partition('=')
    if not key or not equals:
        raise argparse.ArgumentTypeError(f'{text!r} is not KEY=VALUE')
    return key, value


def add_domain(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('domain', metavar='DOMAIN',
                        help='The domain\'s name, UUID or id.')


def add_snapshot(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('name', metavar='NAME',
                        help='The snapshot\'s name or id.')


def add_bandwidth(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--bandwidth', metavar='MIB', type=_bandwidth, default=0,
        help='Copy at most that many MiB per second.')


def _bandwidth(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 1 << 20:
        raise argparse.ArgumentTypeError(
            f'{text!r} is not a number of MiB per second')
    return int(text)


def add_dry_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--dry-run', action='store_true',
        help='Change nothing; print what would be done, and every reason '
             'why it would be refused (exit code 1 if there is one).')
