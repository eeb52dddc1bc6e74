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

"""Arguments that several commands have."""

import argparse

from snapdriver.osc import snapshot

_LONGEST = 255  # what Nova takes of a property


def add_server(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('server', metavar='<server>',
                        help='The server (name or ID).')


def add_snapshot(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('snapshot', metavar='<snapshot>',
                        help='A snapshot of that server (name or ID).')


def add_wait(parser: argparse.ArgumentParser, until: str) -> None:
    parser.add_argument('--wait', action='store_true',
                        help=f'Wait until {until}.')


def add_description(parser: argparse.ArgumentParser, help: str) -> None:
    parser.add_argument('--description', metavar='<description>',
                        type=_description, help=help)


def add_properties(parser: argparse.ArgumentParser, help: str) -> None:
    parser.add_argument(
        '--property', metavar='<key=value>', dest='properties', default=[],
        action='append', type=_key_value,
        help=f'{help} (repeat option for several).')


def free_key(text: str) -> str:
    """The type of a property's name.

    :raises ArgumentTypeError: it says what a snapshot is, and is not to be
        changed.
    """
    if not text or not snapshot.is_free(text):
        raise argparse.ArgumentTypeError(
            f'"{text}" says what a snapshot is, and cannot be changed')
    return text


def _key_value(text: str) -> tuple[str, str]:
    key, equals, value = text.partition('=')
    if not key or not equals:
        raise argparse.ArgumentTypeError(f'"{text}" is not key=value')
    if len(value) > _LONGEST:
        raise argparse.ArgumentTypeError(
            f'the value of "{key}" has more than {_LONGEST} characters')
    return free_key(key), value


def _description(text: str) -> str:
    if len(text) > _LONGEST:
        raise argparse.ArgumentTypeError(
            f'it has more than {_LONGEST} characters')
    return text
