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

"""Drawing snapshots as a tree.

::

    web
    └── clean         external  196.6 KiB  2 d    offline
        ├── before    external  1.2 MiB    3 h    quiesced
        │   └── old   internal  96.0 MiB   2 h    memory, safety
        └── after *   external  12.0 MiB   5 min  crash-consistent
"""

from collections.abc import Iterator
from collections.abc import Sequence
import datetime

from snapdriver import model
from snapdriver.cli import branches
from snapdriver.cli import columns
from snapdriver.cli import screen as screens


def draw(heading: str, infos: Sequence[model.SnapshotInfo],
         screen: screens.Screen, now: float) -> Iterator[str]:
    """The lines; the current snapshot has a star.

    :param now: what ages are counted from.
    """
    return branches.draw(heading, [branches.Node(
        id=info.name, name=info.name, parent=info.parent,
        cells=(info.kind, columns.human_size(info.size), _age(info, now),
               info.consistency + (', safety' if info.safety else '')),
        current=info.current, faint=info.safety and not info.current)
        for info in infos], screen)


def _age(info: model.SnapshotInfo, now: float) -> str:
    frozen = datetime.datetime.fromisoformat(info.frozen_at)
    return columns.human_age(now - frozen.timestamp())
