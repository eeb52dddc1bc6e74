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

"""Operations on servers with snapshots, and what must be true then."""

from collections.abc import Callable
from collections.abc import Iterator
import contextlib
import functools
import os
from typing import Any

from tests.openstack import operations
from tests.openstack import prepared
from tests.openstack import results
from tests.openstack import server as servers

FULL = os.environ.get('SNAPDRIVER_MATRIX') == 'full'
_DEFAULT = 'both kinds'


class MatrixTest(prepared.PreparedTest):
    """One operation after the other, each checked."""

    @contextlib.contextmanager
    def subject(self, name: str) -> Iterator[None]:
        """Lets a failure say in which operation it was."""
        try:
            yield
        except BaseException as error:
            error.add_note(f'It failed in: {name}')
            raise

    def operate(self, server: servers.Server,
                operation: operations.Operation) -> None:
        """Do it, and see that data and snapshots are what they should be."""
        least = server.go_on()
        before = server.console()
        operation.act(self, server)
        if operation.ends:
            self.taken = []
            return
        if operation.boots:
            self.poll(lambda: 'FOUND' in server.since(before), 'a boot')
            number = server.found()
        server.go_on()
        if not operation.boots:
            new = server.since(before)
            self.assertNotIn('FOUND', new)
            number = server.first(new) - 1
        if operation.latest:
            # It may have counted on until the operation came to it.
            self.assertIn(number, range(least, least + 300))
        else:
            self.assertEqual(-1, number)
        if not operation.keeps:
            self.taken = []
        if operation.grows:
            for taken in self.taken:
                taken.memory = False
        self.assert_taken(server)

    def live(self, column: str, table: operations.Table,
             flavor: str = 'tick1') -> None:
        """One server, all that snapshots outlive; then back to each."""
        server = self.prepare(column, flavor)
        row = [one for one in table.values() if one.in_row]
        for operation in row:
            with self.subject(operation.name):
                try:
                    self.operate(server, operation)
                except Exception:
                    results.keep(column, [operation.name], 'failed')
                    raise
        with results.recorded(column, *(one.name for one in row)):
            self.revert_to_each(server)

    def cell(self, operation: operations.Operation, column: str) -> None:
        """One server for one operation; what comes of it is kept."""
        with results.recorded(column, operation.name):
            server = self.prepare(column, image=self.private_image())
            self.operate(server, operation)
            self.revert_to_each(server)

    def assert_taken(self, server: servers.Server) -> None:
        """Nothing is wrong, and all snapshots are there, and no others."""
        self.assert_sound(server, [taken.handle for taken in self.taken])

    def revert_to_each(self, server: servers.Server) -> None:
        """The oldest last, so that none is on the way to the next one."""
        for taken in reversed(self.taken):
            self.revert(server, taken)

    def revert(self, server: servers.Server, taken: prepared.Taken) -> None:
        if not taken.memory:
            server.cloud.image.update_image(
                taken.handle, snapdriver_request_memory='no')
        before = server.console()
        server.wait_tick(taken.numbers.stop + 1)
        server.rebuild(taken.handle)
        self.assertIn(server.went_on_from(before), taken.numbers)
        server.go_on()
        self.assert_sound(server)


def rows(case: type[MatrixTest], table: operations.Table) -> None:
    """Give a class a test for a column, in which one server lives through all.

    For each column if all are asked for (``SNAPDRIVER_MATRIX=full``).
    """
    _declare(table)
    for column in prepared.COLUMNS if FULL else (_DEFAULT,):
        # All the disks that Nova knows, where no memory forbids a swap disk.
        flavor = ('tick1' if 'internal' in prepared.COLUMNS[column]
                  else 'tick-eph')
        _add(case, column, MatrixTest.live, column, table, flavor)


def cells(case: type[MatrixTest], table: operations.Table,
          alone: bool = False) -> None:
    """Give a class a test for each cell of the table.

    Unless all are asked for, of one column, and for those only that cannot
    be part of a row and are not rare.

    :param alone: never for those that can be part of a row.
    """
    _declare(table)
    for name, operation in table.items():
        for column in prepared.COLUMNS:
            if not (alone and operation.in_row) and (
                    FULL or (column == _DEFAULT and not operation.in_row
                             and not operation.rare)):
                _add(case, f'{name} {column}', MatrixTest.cell, operation,
                     column)


def _declare(table: operations.Table) -> None:
    results.declare((operation.name for operation in table.values()),
                    prepared.COLUMNS)


def _add(case: type[MatrixTest], name: str, method: Callable[..., None],
         *arguments: Any) -> None:
    setattr(case, f'test_{name.replace(" ", "_")}',
            functools.partialmethod(method, *arguments))
