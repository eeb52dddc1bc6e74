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

"""What was measured, as a table for people and as JSON for programs."""

from collections.abc import Iterable
from collections.abc import Sequence
import dataclasses
import json
import os
import platform
import statistics
from typing import Any
from typing import TextIO

import libvirt

from tests.functional import host


@dataclasses.dataclass(frozen=True)
class Row:
    """One thing measured, beside what it is measured against.

    :ivar reference: median of what ours is divided by; None if the limit is
        one on ours itself.
    :ivar limit: the largest ratio, or value, that is as it should be.
    :ivar least: the limit is the smallest that is: more is better.
    """

    what: str
    unit: str
    ours: float
    limit: float
    reference: float | None = None
    against: str = ''
    samples: int = 1
    least: bool = False

    @property
    def ratio(self) -> float | None:
        return self.ours / self.reference if self.reference else None

    @property
    def ok(self) -> bool:
        value = self.ours if self.reference is None else self.ratio
        if value is None:
            return False
        return value >= self.limit if self.least else value <= self.limit

    def plain(self) -> dict[str, Any]:
        return dataclasses.asdict(self) | {
            'ratio': self.ratio, 'ok': self.ok}

    def cells(self) -> list[str]:
        ratio, limit = self.ratio, f'{self.limit:g}'
        return [
            self.what,
            f'{self.ours:.1f} {self.unit}',
            '' if self.reference is None
            else f'{self.reference:.1f} {self.unit}',
            self.against,
            '' if ratio is None else f'{ratio:.2f}',
            f'{">=" if self.least else "<="} {limit} '
            f'{"x" if self.reference is not None else self.unit}',
            'ok' if self.ok else 'MISSED',
        ]


def compared(what: str, ours: Sequence[float], reference: Sequence[float],
             against: str, limit: float, unit: str = 'ms',
             least: bool = False) -> Row:
    """Medians side by side."""
    return Row(what, unit, statistics.median(ours), limit,
               statistics.median(reference), against, len(ours), least)


def limited(what: str, ours: Sequence[float], limit: float,
            unit: str) -> Row:
    """A median and the most that it may be."""
    return Row(what, unit, statistics.median(ours), limit,
               samples=len(ours))


def table(rows: Iterable[Row]) -> str:
    cells = [['what', 'ours', 'reference', 'which is', 'ratio', 'target',
              ''], *(row.cells() for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    right = (1, 2, 4)
    return '\n'.join('  '.join(
        cell.rjust(width) if index in right else cell.ljust(width)
        for index, (cell, width) in enumerate(zip(line, widths, strict=True))
    ).rstrip() for line in cells)


def write_json(file: TextIO, rows: Iterable[Row]) -> None:
    file.write(json.dumps({
        'libvirt': libvirt.getVersion(),
        'qemu_img': host.run('qemu-img', '--version').stdout.split()[2],
        'python': platform.python_version(),
        'kernel': platform.release(),
        'processors': os.cpu_count(),
        'rows': [row.plain() for row in rows],
    }, indent=1) + '\n')
