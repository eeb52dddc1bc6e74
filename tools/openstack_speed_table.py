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

"""The documentation's table of times, from what a run of them found.

tools/openstack_speed_table.py
    Writes it, from what ``tools/test openstack-benchmarks`` has left in
    ``.cache/openstack-benchmarks.json``.
"""

import json
import pathlib
from typing import Any

REPO = pathlib.Path(__file__).resolve().parent.parent
RESULTS = REPO / '.cache' / 'openstack-benchmarks.json'
TABLE = REPO / 'doc' / 'source' / 'user' / 'openstack-speed.inc'

MARK = '.. Written by tools/openstack_speed_table.py.'
HEAD = ('What', 'snapdriver', 'Beside', 'Which is', 'Ratio', 'Target',
        'Result')


def duration(milliseconds: float) -> str:
    """Tell it as readers see it."""
    if milliseconds < 1000:
        return f'{milliseconds:.0f} ms'
    return f'{milliseconds / 1000:.2f} s'


def cells(row: dict[str, Any]) -> tuple[str, ...]:
    """Make a line of the table."""
    # A line that belongs to the one before it is indented.
    what = row['what'].strip()
    return (
        what if what == row['what'] else f'… {what}',
        duration(row['ours']),
        duration(row['reference']),
        row['against'],
        f'{row["ratio"]:.2f}',
        f'≤ {row["limit"]:g}',
        'met' if row['ok'] else '**missed**',
    )


def table(found: dict[str, Any]) -> str:
    """Make the table, as reStructuredText."""
    if not found:
        return f'{MARK}\n\nRun: none.\n'
    rows = [HEAD, *map(cells, found['rows'])]
    widths = [max(len(row[at]) for row in rows) for at in range(len(HEAD))]
    rule = ' '.join('=' * width for width in widths)
    head, *body = [
        ' '.join(cell.ljust(width) for cell, width
                 in zip(row, widths, strict=True)).rstrip() for row in rows]
    return '\n'.join([
        MARK, '', rule, head, rule, *body, rule, '',
        f'Run: {found["date"]}, {found["commit"]}; Nova {found["nova"]}, '
        f'libvirt {found["libvirt"]}, QEMU {found["qemu"]}, '
        f'Python {found["python"]}; '
        f'{found["processors"]} processors; medians of '
        f'{found["rounds"]} rounds.', ''])


def main() -> None:
    """Write it."""
    TABLE.write_text(table(
        json.loads(RESULTS.read_text()) if RESULTS.exists() else {}))


if __name__ == '__main__':
    main()
