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

"""What OpenStackClient loads by the entry point ``openstack.cli.extension``.

There is no service of ours, so the "API" is only a name for the group of the
commands, ``openstack.server_snapshot.v1``.
"""

import argparse
from typing import Any

from osc_lib import utils

API_NAME = 'server_snapshot'
API_VERSION_OPTION = 'os_server_snapshot_api_version'
API_VERSIONS = ('1',)
DEFAULT_API_VERSION = '1'


def make_client(instance: Any) -> Any:
    """The connection that OpenStackClient has: Nova and Glance are reached by.

    :param instance: the client manager.
    """
    return instance.sdk_connection


def build_option_parser(
        parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Add the option that each plugin has."""
    parser.add_argument(
        '--os-server-snapshot-api-version',
        metavar='<server-snapshot-api-version>',
        default=utils.env('OS_SERVER_SNAPSHOT_API_VERSION',
                          default=DEFAULT_API_VERSION),
        help='Version of the "server snapshot" commands, default='
             f'{DEFAULT_API_VERSION} (Env: OS_SERVER_SNAPSHOT_API_VERSION)')
    return parser
