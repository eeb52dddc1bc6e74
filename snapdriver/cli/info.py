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

"""Snapshots as rows and columns."""

import argparse
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from snapdriver import model
from snapdriver.cli import columns

_KEYS = ('name', 'id', 'kind', 'state', 'parent', 'current', 'created_at',
         'frozen_at', 'consistency', 'disks', 'size', 'description',
         'properties')
_IN_TABLES = ('domain', 'name', 'kind', 'state', 'parent', 'current',
              'frozen_at', 'consistency', 'size')
_COLUMNS = {
    'parent': columns.Text, 'current': columns.Mark,
    'created_at': columns.Moment, 'frozen_at': columns.Moment,
    'disks': columns.Disks, 'size': columns.Size,
    'properties': columns.Pairs, 'left_out': columns.Pairs}


def details(info: model.SnapshotInfo) -> dict[str, Any]:
    """All of one snapshot."""
    return _values(info, (*_KEYS, 'left_out', 'safety')) | {
        'current': info.current}


def rows(infos: Iterable[model.SnapshotInfo],
         **more: str) -> list[dict[str, Any]]:
    """A row for each snapshot, with more columns in front."""
    return [more | _values(info, _KEYS) for info in infos]


def listing(parsed_args: argparse.Namespace, more: Sequence[str],
            rows: Iterable[Mapping[str, Any]]
            ) -> tuple[list[str], list[list[Any]]]:
    """What a Lister prints: a choice of columns for people, all else.

    :param more: the columns in front.
    """
    keys: list[str] = [*more, *_KEYS]
    if parsed_args.formatter != 'table':
        titles = keys
    else:
        if not parsed_args.columns:
            keys = [key for key in keys if key in _IN_TABLES]
        titles = [_title(key) for key in keys]
    return titles, [[row[key] for key in keys] for row in rows]


def _title(key: str) -> str:
    return 'ID' if key == 'id' else key.capitalize().replace('_', ' ')


def _values(info: model.SnapshotInfo,
            keys: Iterable[str]) -> dict[str, Any]:
    values = {}
    for key in keys:
        value = getattr(info, key)
        values[key] = _COLUMNS[key](value) if key in _COLUMNS else value
    return values
