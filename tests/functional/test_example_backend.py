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

"""A backend of somebody else's: installed by pip, found by its entry point.

Its code, in ``tests/example_backend``, is the one that the documentation
explains ("Writing a backend").
"""

from collections.abc import Sequence
import functools
import json
import os
import pathlib
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from typing import Any

from snapdriver import model
from tests.functional import disks
from tests.functional import engine
from tests.functional import guest as guests
from tests.functional import host
from tests.functional.faults import base

_SOURCE = pathlib.Path(__file__).parents[1] / 'example_backend'
_KINDS = 'import snapdriver; print(*snapdriver.SnapshotManager(None).kinds)'
_CREATE = ['create:planned', 'create:linked', 'create:committed']
# The command, killed where its first argument says. It tells its phases.
_VICTIM = '''
import os, signal, sys
from snapdriver import journal
from snapdriver.cli import main

def die(*arguments):
    os.kill(os.getpid(), signal.SIGKILL)

def observe(verb, phase):
    print(f'{verb}:{phase}', file=sys.stderr, flush=True)
    if f'{verb}:{phase}' == where:
        die()

where = sys.argv.pop(1)
journal.observer = observe
if where == 'copying':
    os.copy_file_range = die
sys.exit(main.main())
'''


@functools.cache
def installed() -> pathlib.Path:
    """A directory with the package, as pip installs it; without network."""
    folder = pathlib.Path(tempfile.mkdtemp(dir=host.ROOT / 'home'))
    # It builds in the source's directory, which may be read-only.
    shutil.copytree(_SOURCE, folder / 'source')
    host.run(sys.executable, '-m', 'pip', 'install', '--quiet', '--no-index',
             '--no-deps', '--no-build-isolation', '--no-cache-dir',
             '--disable-pip-version-check', '--target',
             folder / 'target', folder / 'source')
    return folder / 'target'


class ExampleTest(base.FaultTest):

    def python(self, *arguments: str, with_example: bool = True,
               code: int = 0) -> subprocess.CompletedProcess[str]:
        """Run Python in a process of its own, with the example or not."""
        path = os.environ['PYTHONPATH']
        if with_example:
            path = f'{installed()}:{path}'
        done = host.run('env', f'PYTHONPATH={path}', sys.executable,
                        *arguments, check=False)
        self.assertEqual(code, done.returncode, done.stdout + done.stderr)
        return done

    def options(self) -> Sequence[str]:
        file = host.ROOT / 'home' / f'{self.id()}.conf'
        file.write_text(
            '[snapdriver]\nmin_free_percent = 0\n'
            f'instances_path = {disks.INSTANCES}\n'
            '[snapdriver_privsep]\n'
            f'helper_command = {shlex.join(engine.HELPER)}\n')
        return '--config-file', str(file)

    def command(self, *arguments: str, **how: Any
                ) -> subprocess.CompletedProcess[str]:
        return self.python('-m', 'snapdriver.cli', *self.options(),
                           *arguments, **how)

    def told(self, *arguments: str) -> Any:
        """What a command that must succeed tells, without any warning."""
        done = self.command(*arguments, '-f', 'json')
        self.assertEqual('', done.stderr)
        return json.loads(done.stdout)

    def victim(self, where: str, *arguments: str,
               code: int = -signal.SIGKILL) -> list[str]:
        """Run a command that is killed there; the phases that it told."""
        done = self.python('-c', _VICTIM, where, *self.options(),
                           *arguments, code=code)
        return done.stderr.splitlines()

    def recover(self, guest: guests.Guest) -> None:
        """What it has done it tells as a warning, too."""
        self.command('domain', 'recover', guest.name)

    def off(self, names: Sequence[str] = ('disk', 'disk.eph0'),
            mark: str = 'one') -> guests.Guest:
        guest = guests.Guest(self, names).define()
        self.write(guest, mark)
        return guest

    def marks(self, guest: guests.Guest) -> dict[str, set[str | None]]:
        """Each snapshot's name, or ``safety``, to what its layers hold."""
        return {'safety' if info.safety else info.name: {
            guest.disks[0].label(guest.directory / disk['layer']).mark
            for disk in info.disks.values()}
            for info in self.manager.list(guest.name)}

    def assert_fine(self, guest: guests.Guest, active: str,
                    **snapshots: str) -> None:
        self.assertEqual([], self.told('domain', 'check', guest.name))
        self.assertEqual([], self.manager.check(guest.name, deep=True))
        self.assertEqual({name: {mark} for name, mark in snapshots.items()},
                         self.marks(guest))
        self.assertEqual({active}, self.active_marks(guest))
        self.assertTrue(guest.base_unchanged())
        self.assert_chains(guest)
        self.assert_no_leak(guest, self.state(guest))
        self.assertEqual(
            sorted(self.names(guest)), sorted(engine.virsh(
                'snapshot-list', guest.name, '--name').split()))


class TestExampleBackend(ExampleTest):

    def test_it_is_found_by_its_entry_point(self) -> None:
        without = self.python('-c', _KINDS, with_example=False).stdout.split()
        self.assertNotIn('copy', without)
        self.assertEqual(sorted([*without, 'copy']),
                         self.python('-c', _KINDS).stdout.split())

    def test_there_and_back(self) -> None:
        guest = self.off()
        made = self.told('snapshot', 'create', guest.name, 's1',
                         '--kind', 'copy', '--description', 'the first')
        self.assertEqual(('copy', 'shutoff', 'offline', None, False), tuple(
            made[key] for key in ('kind', 'state', 'consistency', 'parent',
                                  'current')))
        self.write(guest, 'two')
        self.assert_fine(guest, 'two', s1='one')
        self.told('snapshot', 'create', guest.name, 's2', '--kind', 'copy')
        self.told('snapshot', 'create', guest.name, 'x',
                  '--kind', 'external')
        self.write(guest, 'three')
        listed = self.told('snapshot', 'list', guest.name)
        self.assertEqual(
            [('s1', 'copy'), ('s2', 'copy'), ('x', 'external')],
            [(one['name'], one['kind']) for one in listed])
        self.assert_fine(guest, 'three', s1='one', s2='two', x='two')

        back = self.told('snapshot', 'revert', guest.name, 's1')
        self.assert_fine(guest, 'one', s1='one', s2='two', x='two',
                         safety='three')
        self.try_boot(guest)
        self.told('snapshot', 'revert', guest.name, back['safety'])
        self.assert_fine(guest, 'three', s1='one', s2='two', x='two',
                         safety='three')
        self.told('snapshot', 'delete', guest.name, 's1')
        self.assert_fine(guest, 'three', s2='two', x='two', safety='three')
        self.told('snapshot', 'delete', guest.name, '--all')
        self.assert_fine(guest, 'three')
        self.assertEqual([], engine.layers(list(guest.files())))

    def test_a_running_guest_reverts_to_it(self) -> None:
        guest = guests.Guest(self, nova_metadata=False).define()
        self.write(guest, 'one')
        self.told('snapshot', 'create', guest.name, 's1', '--kind', 'copy')
        guest.start()
        guest.mark('two')
        back = self.told('snapshot', 'revert', guest.name, 's1')
        self.assertEqual('running', back['state'])
        self.assertEqual('one', guest.found().mark)
        self.assertEqual([], self.told('domain', 'check', guest.name))

    def test_refusals(self) -> None:
        guest = self.off()
        self.try_boot(guest, stop=False)
        create = ('snapshot', 'create', guest.name, 's1', '--kind', 'copy')
        self.assertIn('it runs', self.command(*create, code=1).stderr)
        guest.destroy()
        self.told(*create)
        self.assertIn('already', self.command(*create, code=1).stderr)
        refused = self.command(*create[:3], 's2', *create[4:],
                               with_example=False, code=1)
        self.assertIn('external', refused.stderr)  # the kinds that there are
        tag = ('snapshot', 'create', guest.name, 's3', '--kind', 'internal')
        if 'internal' in self.manager.kinds:
            self.told(*tag)
            self.assertIn('internal snapshots', self.command(
                *create[:3], 's4', *create[4:], code=1).stderr)

    def test_killed_at_every_phase_of_a_create(self) -> None:
        guest = self.off()
        create = ('snapshot', 'create', guest.name, 's1', '--kind', 'copy')
        self.assertEqual(_CREATE, self.victim('nowhere', *create, code=0))
        for number, where in enumerate(_CREATE):
            self.told('snapshot', 'delete', guest.name, 's1')
            before = self.active_marks(guest).pop() or ''
            told = self.victim(where, *create)
            self.assertEqual(where, told[-1])
            self.write(guest, f'later{number}')
            self.recover(guest)
            self.assert_fine(guest, f'later{number}', s1=before)

    def test_killed_in_the_copying(self) -> None:
        guest = self.off()
        self.victim('copying', 'snapshot', 'create', guest.name, 's1',
                    '--kind', 'copy')
        self.assertEqual(1, len(engine.layers(list(guest.files()))))
        self.recover(guest)
        self.assert_fine(guest, 'one')
        self.assertEqual([], engine.layers(list(guest.files())))

    def test_killed_in_a_revert(self) -> None:
        guest = self.off()
        self.told('snapshot', 'create', guest.name, 's1', '--kind', 'copy')
        self.write(guest, 'two')
        self.victim('revert:switched', 'snapshot', 'revert', guest.name, 's1')
        self.recover(guest)
        self.assert_fine(guest, 'two', s1='one')
        self.victim('revert:committed', 'snapshot', 'revert', guest.name,
                    's1')
        self.recover(guest)
        self.assert_fine(guest, 'one', s1='one', safety='two')
        self.assertIs(model.Power.SHUTOFF, model.Power(self.power(guest)))

    def test_started_in_the_copying(self) -> None:
        """Nothing is made, and nothing is left."""
        guest = self.off()
        starts = (
            'import os, sys\nfrom snapdriver.cli import main\n'
            'copy = os.copy_file_range\n'
            'def start(*arguments):\n'
            f'    os.system("virsh -q start {guest.name} --paused >&2")\n'
            '    os.copy_file_range = copy\n'
            '    return copy(*arguments)\n'
            'os.copy_file_range = start\n'
            'sys.exit(main.main())')
        done = self.python('-c', starts, *self.options(), 'snapshot',
                           'create', guest.name, 's1', '--kind', 'copy',
                           code=1)
        self.assertIn('it was started', done.stderr)
        guest.destroy()
        self.assert_fine(guest, 'one')
        self.assertEqual([], engine.layers(list(guest.files())))
