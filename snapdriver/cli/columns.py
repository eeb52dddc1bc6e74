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

"""Values that tables show for people, and all else for programs."""

from collections.abc import Mapping
from collections.abc import Sequence
import datetime
from typing import Any

from cliff import columns

# cliff's class has become generic between the supported releases.
_Column = columns.FormattableColumn


class Text(_Column):  # type: ignore[type-arg]
    """A text, or None."""

    def human_readable(self) -> str:
        return self._value or ''


class Mark(_Column):  # type: ignore[type-arg]
    """A flag: a star or nothing."""

    def human_readable(self) -> str:
        return '*' if self._value else ''


class Size(_Column):  # type: ignore[type-arg]
    """A number of bytes."""

    def human_readable(self) -> str:
        return human_size(self._value)


class Moment(_Column):  # type: ignore[type-arg]
    """An ISO 8601 time; in local time for people, as virsh prints it."""

    def human_readable(self) -> str:
        moment = datetime.datetime.fromisoformat(self._value).astimezone()
        return moment.strftime('%Y-%m-%d %H:%M:%S %z')


class Lines(_Column):  # type: ignore[type-arg]
    """Several texts."""

    def __init__(self, value: Sequence[str]) -> None:
        super().__init__(list(value))

    def human_readable(self) -> str:
        return '\n'.join(self._value)


class Pairs(_Column):  # type: ignore[type-arg]
    """Names, each with a value."""

    def __init__(self, value: Mapping[str, str]) -> None:
        super().__init__(dict(value))

    def human_readable(self) -> str:
        return '\n'.join(f'{k}: {v}' for k, v in self._value.items())


class Disks(_Column):  # type: ignore[type-arg]
    """Disks, each with its target, layer, tag and size."""

    def __init__(self, value: Mapping[str, Mapping[str, Any]]) -> None:
        super().__init__({name: dict(disk) for name, disk in value.items()})

    def human_readable(self) -> str:
        return '\n'.join(
            f'{disk["target"]}: {disk["layer"]}'
            + (f', tag {disk["tag"]}' if disk['tag'] else '')
            + f' ({human_size(disk["size"])})'
            for disk in self._value.values())


def human_size(count: int) -> str:
    """``196.6 KiB``."""
    size = float(count)
    for unit in ('B', 'KiB', 'MiB', 'GiB', 'TiB'):
        if size < 1024 or unit == 'TiB':
            break
        size /= 1024
    return f'{size:.0f} B' if unit == 'B' else f'{size:.1f} {unit}'


def human_age(seconds: float) -> str:
    """``3 min``, never more than one unit."""
    whole = max(0, int(seconds))
    for unit, length in (('d', 86400), ('h', 3600), ('min', 60)):
        if whole >= length:
            return f'{whole // length} {unit}'
    return f'{whole} s'
