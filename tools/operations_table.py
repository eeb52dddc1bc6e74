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

"""The documentation's table of operations, from what a run of them found.

tools/operations_table.py
    Writes it, from what runs of ``tools/test openstack`` have left in
    ``.cache/operations.json``: one column, or with ``SNAPDRIVER_MATRIX=full``
    all of them.
"""

import json
import pathlib

REPO = pathlib.Path(__file__).resolve().parent.parent
RESULTS = REPO / '.cache' / 'operations.json'
TABLE = REPO / 'doc' / 'source' / 'user' / 'operations.inc'

#: Results as readers see them.
WORDS = {'passed': 'works', 'failed': 'FAILED', 'not run': 'not run'}


def table(found: dict[str, dict[str, dict[str, str]]]) -> str:
    """Make the table, as reStructuredText."""
    columns = list(dict.fromkeys(
        column for cells in found.values() for column in cells))
    rows = [('Operation', *columns)] + [
        (operation, *(WORDS[cells[column]['result']] if column in cells
                      else '' for column in columns))
        for operation, cells in found.items()]
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    rule = ' '.join('=' * width for width in widths)
    head, *body = [
        ' '.join(cell.ljust(width) for cell, width
                 in zip(row, widths, strict=True)).rstrip() for row in rows]
    runs = sorted({f'{cell["date"]}, {cell["commit"]}'
                   for cells in found.values() for cell in cells.values()
                   if cell.get('date')})
    return '\n'.join(
        ['.. Written by tools/operations_table.py.', '', rule, head, rule,
         *body, rule, '', f'Run: {"; ".join(runs) or "none"}.', ''])


def main() -> None:
    """Write it."""
    TABLE.write_text(table(json.loads(RESULTS.read_text())))


if __name__ == '__main__':
    main()
