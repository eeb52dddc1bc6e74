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

"""The table of operations: what a tenant, a guest or a host can do.

Each is a function of a test and a server, and returns when Nova has done it.
What must be true after it is not in here, but for what can only be seen in
its midst.
"""

from collections.abc import Callable
import dataclasses
from typing import Any

from tests.openstack import server as servers

Act = Callable[[Any, servers.Server], None]


@dataclasses.dataclass(frozen=True)
class Operation:
    """One line of the table.

    :ivar boots: the guest boots; if not it goes on counting.
    :ivar keeps: the snapshots are there afterwards.
    :ivar latest: what it finds is its newest number.
    :ivar grows: a revert with the memory of before is refused after it.
    :ivar ends: the server is gone afterwards.
    :ivar alone: not in a row with others.
    :ivar rare: in no run but a full one.
    """

    name: str
    act: Act
    boots: bool = True
    keeps: bool = True
    latest: bool = True
    grows: bool = False
    ends: bool = False
    alone: bool = False
    rare: bool = False

    @property
    def in_row(self) -> bool:
        """Whether a server with snapshots can go on to others after it."""
        return self.keeps and not self.ends and not self.alone


Table = dict[str, Operation]


def operation(table: Table, name: str,
              **what: bool) -> Callable[[Act], Act]:
    """Puts a function into a table."""
    def put(act: Act) -> Act:
        table[act.__name__] = Operation(name, act, **what)
        return act
    return put
