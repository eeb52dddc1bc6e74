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

"""The phases of every verb, and the one place where they are announced.

A phase is announced when its work (or, for ``planned``, its intent) is on
disk. The fault tests listen here and kill the process at each one; a phase
that is not in this table cannot be announced, so none goes untested.
"""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence

PHASES: Mapping[str, Sequence[str]] = {
    'create': ('planned', 'linked', 'overlaid', 'switched', 'frozen',
               'tagged', 'committed'),
    'revert': ('planned', 'overlaid', 'stopped', 'switched', 'frozen',
               'reverting', 'reverted', 'applying', 'committed', 'unlinked',
               'started'),
    'delete': ('unnamed', 'discarded', 'unlinked', 'committed'),
    'merge': ('recorded', 'started', 'copied', 'pivoting', 'switched',
              'committed', 'unlinked'),
    'settle': ('defined', 'linked', 'renamed'),
    'reunite': ('planned', 'saved', 'committed'),
    'adopt': ('planned', 'linked', 'frozen', 'committed'),
}

#: Called with the verb and the phase; None but in tests.
observer: Callable[[str, str], None] | None = None


def reached(verb: str, phase: str) -> None:
    """:raises ValueError: no such verb or phase."""
    if phase not in PHASES.get(verb, ()):
        raise ValueError(f'{verb} has no phase {phase}')
    if observer is not None:
        observer(verb, phase)
