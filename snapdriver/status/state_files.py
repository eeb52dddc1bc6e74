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

"""Can every state file be read by this snapdriver?"""

from oslo_upgradecheck import upgradecheck

from snapdriver import exception
from snapdriver import state as state_file
from snapdriver.status import host as hosts
from snapdriver.status import states
from snapdriver.status import verdict


def check(host: hosts.Host) -> upgradecheck.Result:
    newer = _names(host, exception.StateTooNew)
    broken = [found for found in _names(host, exception.SnapdriverError)
              if found not in newer]
    closed = _names(host, OSError)
    failures, warnings = [], []
    if newer:
        failures.append(
            f'A newer snapdriver has written the state of '
            f'{verdict.some(newer)}; this one knows schema '
            f'{state_file.SCHEMA}. Do not go back to this version while '
            'these instances are here.')
    if broken:
        failures.append(
            f'The state of {verdict.some(broken)} cannot be used. '
            '"snapdriver domain check" tells why; put it back from a '
            'backup.')
    if closed:
        warnings.append(
            f'The state of {verdict.some(closed)} may not be read. Run this '
            'as root or as the owner of the instances (nova).')
    read = sum(found.state is not None for found in host.states)
    return verdict.of(
        failures, warnings, f'State files: {read}, of schemas that are known '
        f'(up to {state_file.SCHEMA}).')


def _names(host: hosts.Host, kind: type[Exception]) -> list[str]:
    return [_name(found) for found in host.states
            if isinstance(found.error, kind)]


def _name(found: states.Found) -> str:
    return found.uuid or found.path
