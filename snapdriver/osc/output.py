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

"""What the commands print: the columns, which stay what they are."""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from osc_lib.cli import format_columns

from snapdriver.cli import columns
from snapdriver.osc import handle
from snapdriver.osc import snapshot as snapshots

_Cell = Callable[[snapshots.Snapshot], Any]


class _Moment(columns.Moment):
    """A time; a handle may lack it, or have nonsense."""

    def human_readable(self) -> str:
        try:
            return super().human_readable()
        except ValueError:
            return str(self._value)


class _Size(columns.Size):
    """A number of bytes, or None."""

    def human_readable(self) -> str:
        return '' if self._value is None else super().human_readable()


_SHORT: Mapping[str, _Cell] = {
    'ID': lambda one: one.id,
    'Name': lambda one: one.name,
    'Kind': lambda one: one.kind,
    'Payload': lambda one: one.payload,
    'Frozen At': lambda one: _Moment(one.frozen_at),
    'Consistency': lambda one: one.consistency,
}
_LONG: Mapping[str, _Cell] = {
    'Status': lambda one: one.status,
    'Revertible': lambda one: one.revertible,
    'Parent': lambda one: columns.Text(one.parent),
    'Safety': lambda one: columns.Mark(one.safety),
    'Size': lambda one: _Size(one.size),
    'Image Size': lambda one: _Size(one.image_size),
    'Reapable': lambda one: columns.Mark(one.reapable),
    'Left Out': lambda one: one.left_out,
    'Description': lambda one: one.description,
}


def rows(found: Sequence[snapshots.Snapshot], long: bool
         ) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
    """What a list says of snapshots: the headings, and a row for each."""
    wanted = {**_SHORT, **(_LONG if long else {})}
    return tuple(wanted), [
        tuple(cell(one) for cell in wanted.values()) for one in found]


def details(one: snapshots.Snapshot, server: Any
            ) -> tuple[tuple[str, ...], tuple[Any, ...]]:
    """All that is known of one."""
    said = {
        'id': one.id,
        'name': one.name,
        'description': one.description,
        'server': server.name,
        'server_id': server.id,
        'project_id': one.project_id,
        'status': one.status,
        'kind': one.kind,
        'payload': one.payload,
        'state': one.state,
        'consistency': one.consistency,
        'frozen_at': _Moment(one.frozen_at),
        'revertible': one.revertible,
        'parent': columns.Text(one.parent),
        'safety': columns.Mark(one.safety),
        'left_out': one.left_out,
        'size': _Size(one.size),
        'image_size': _Size(one.image_size),
        'properties': format_columns.DictColumn(dict(one.properties)),
    }
    return tuple(said), tuple(said.values())


def image(made: Any, server: Any
          ) -> tuple[tuple[str, ...], tuple[Any, ...]]:
    """An image of a server that is no snapshot."""
    said = {
        'id': made.id,
        'name': made.name,
        'description': handle.properties(made).get(
            handle.DESCRIPTION) or '',
        'server': server.name,
        'server_id': server.id,
        'status': made.status,
        'disk_format': columns.Text(made.disk_format),
        'image_size': _Size(made.size),
    }
    return tuple(said), tuple(said.values())
