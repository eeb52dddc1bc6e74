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


"""The ledger of nova-compute's reaper, as its commands find it."""

import argparse

from oslo_config import cfg

from snapdriver.cli import session
from snapdriver.nova import ledger_file

_DEFAULT = '/var/lib/nova'
_OPTION = cfg.StrOpt('state_path')  # of nova.conf


def add_state_path(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--state-path', metavar='DIRECTORY',
        help='Nova\'s option "state_path"; by default what a --config-file '
             f'says, else {_DEFAULT}.')


def find(found: session.Session,
         parsed_args: argparse.Namespace) -> ledger_file.LedgerFile:
    """The ledger of this host, whether or not there is one."""
    found.conf.register_opt(_OPTION)
    return ledger_file.LedgerFile(
        parsed_args.state_path or found.conf.state_path or _DEFAULT)
