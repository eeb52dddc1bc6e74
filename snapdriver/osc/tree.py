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

"""Drawing the snapshots of a server as a tree.

::

    web
    ├── before-upgrade      external  3 h    quiesced
    │   └── after-upgrade   external  2 h    crash-consistent
    └── golden              internal  5 min  memory
"""

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import datetime

from snapdriver.cli import branches
from snapdriver.cli import columns
from snapdriver.cli import screen as screens
from snapdriver.osc import snapshot as snapshots


def draw(heading: str, found: Sequence[snapshots.Snapshot],
         screen: screens.Screen, now: float) -> Iterator[str]:
    """The lines; siblings in the order that they are given in.

    :param now: what ages are counted from.
    """
    known = {one.id: one for one in found}
    return branches.draw(heading, [branches.Node(
        id=one.id, name=one.name, parent=_parent(one, known),
        cells=(one.kind, _age(one, now),
               one.consistency + (', safety' if one.safety else '')))
        for one in found], screen)


def _parent(one: snapshots.Snapshot,
            known: Mapping[str, snapshots.Snapshot]) -> str | None:
    """The id of an older one that is there: handles may not make a circle."""
    parent = known.get(one.parent or '')
    return (parent.id if parent is not None
            and parent.frozen_at < one.frozen_at else None)


def _age(one: snapshots.Snapshot, now: float) -> str:
    try:
        frozen = datetime.datetime.fromisoformat(one.frozen_at)
    except ValueError:
        return ''
    return columns.human_age(now - frozen.timestamp())
