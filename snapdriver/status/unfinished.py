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

"""Is anything half done that this version should finish?"""

from oslo_upgradecheck import upgradecheck

from snapdriver import jobs
from snapdriver import thawing
from snapdriver.status import host as hosts
from snapdriver.status import verdict


def check(host: hosts.Host) -> upgradecheck.Result:
    states = [found.state for found in host.states
              if found.state is not None]
    operations = [
        f'{state.uuid} ({state.operation.verb}, {state.operation.phase})'
        for state in states if state.operation is not None]
    dead: list[str] = []
    alive: list[str] = []
    for state in states:
        for kind in (jobs.MERGE, jobs.EXPORT, jobs.COPY):
            for job in jobs.of_type(state, kind):
                (alive if jobs.is_alive(job) else dead).append(
                    f'{state.uuid} ({kind})')
    owed = [state.uuid for state in states if thawing.JOB in state.jobs]
    warnings = []
    if operations:
        warnings.append(
            f'Interrupted: {verdict.some(operations)}. Finish or undo it '
            'with the version that began it, by "snapdriver domain '
            'recover", before you upgrade.')
    if dead:
        warnings.append(
            f'Ended in the middle: {verdict.some(dead)}. "snapdriver domain '
            'recover" clears it up.')
    if owed:
        warnings.append(
            f'The guest agent owes a thaw: {verdict.some(owed)}. '
            '"snapdriver domain recover" tries again.')
    if alive:
        warnings.append(
            f'At work: {verdict.some(alive)}. It ends with the process that '
            'does it. A merge goes on later, an export does not: wait for it '
            'before you restart nova-compute.')
    return verdict.of(warnings=warnings, fine='Nothing is unfinished.')
