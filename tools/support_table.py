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

"""What the functional tests found on which version, and the docs' table of it.

tools/support_table.py record RELEASE PATTERN LOG PASSED FAILED SKIPPED
    Keeps what a run found; tools/test calls it.

tools/support_table.py
    Writes the table, from what is kept, into the documentation.
"""

import datetime
import json
import pathlib
import re
import subprocess
import sys

REPO = pathlib.Path(__file__).resolve().parent.parent
RESULTS = REPO / '.cache' / 'support'
TABLE = REPO / 'doc' / 'source' / 'user' / 'support.inc'

RELEASES = {
    'bookworm': 'Debian 12',
    'trixie': 'Debian 13',
    'sid': 'Debian sid',
}
#: What no run of the tests has: their guests are emulated, on a local disk,
#: without a security driver.
NEVER = ('KVM', 'AppArmor', 'SELinux', 'NFS')
HEAD = ('Host', 'libvirt', 'QEMU', 'Python', 'Tests', 'Result', 'Run')
#: How a run's log tells its versions: from virsh and python.
VERSIONS = {
    'libvirt': r'^Running against daemon: (\S+)',
    'qemu': r'^Running hypervisor: QEMU (\S+)',
    'python': r'^Python (\S+)',
}


def commit() -> str:
    """Tell what was tested."""
    return subprocess.run(
        ['git', 'describe', '--always', '--dirty', '--exclude=*'],
        cwd=REPO,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()


def record(release: str, pattern: str, log: str, *numbers: str) -> None:
    """Keep what a run found, unless it ran less of the same than before."""
    text = pathlib.Path(log).read_text(errors='replace')
    found = {
        name: re.search(expression, text, re.MULTILINE)
        for name, expression in VERSIONS.items()
    }
    passed, failed, skipped = map(int, numbers)
    if not all(found.values()) or not passed + failed:
        return  # it did not get as far as a test
    result = {
        'release': release,
        **{name: match[1] for name, match in found.items() if match},
        'tests': 'all' if pattern == '.' else 'selection',
        'passed': passed,
        'failed': failed,
        'skipped': skipped,
        'date': datetime.datetime.now(datetime.UTC).date().isoformat(),
        'commit': commit(),
    }
    file = RESULTS / f'{release}.json'
    if file.exists():
        before = json.loads(file.read_text())
        if (before['commit'], before['tests']) == (result['commit'], 'all'):
            if result['tests'] == 'selection':
                return
    RESULTS.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(result, indent=2) + '\n')


def row(release: str) -> tuple[str, ...]:
    """Make the line of a release."""
    name = RELEASES.get(release, f'Debian {release}')
    file = RESULTS / f'{release}.json'
    if not file.exists():
        return (name, '', '', '', '', 'not run', '')
    result = json.loads(file.read_text())
    counts = [f'{result["passed"]} passed', f'{result["failed"]} failed']
    if result['skipped']:
        counts.append(f'{result["skipped"]} skipped')
    return (
        name,
        result['libvirt'],
        result['qemu'],
        result['python'],
        result['tests'],
        ', '.join(counts),
        f'{result["date"]}, {result["commit"]}',
    )


def table() -> str:
    """Make the table, as reStructuredText."""
    others = {file.stem for file in RESULTS.glob('*.json')} - set(RELEASES)
    rows = [row(release) for release in [*RELEASES, *sorted(others)]]
    rows += [(what, '', '', '', '', 'not tested', '') for what in NEVER]
    lines = [HEAD, *rows]
    widths = [max(len(line[at]) for line in lines) for at in range(len(HEAD))]
    rule = ' '.join('=' * width for width in widths)
    head, *body = [
        ' '.join(
            cell.ljust(width) for cell, width in zip(line, widths, strict=True)
        ).rstrip()
        for line in lines
    ]
    return '\n'.join(
        ['.. Written by tools/support_table.py.', '', rule, head, rule, *body]
        + [rule, '']
    )


def main() -> None:
    """Do what the command line says."""
    match sys.argv[1:]:
        case ['record', *arguments] if len(arguments) == 6:
            record(*arguments)
        case []:
            TABLE.write_text(table())
        case _:
            sys.exit(__doc__)


if __name__ == '__main__':
    main()
