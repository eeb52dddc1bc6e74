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

"""A verb that is run, and may be killed."""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
import itertools
import pathlib
import signal
from typing import Any

from snapdriver import exception
from snapdriver.model import Power
from tests.functional import host
from tests.functional.faults import test_running
from tests.functional.faults import victim as victims
from tests.functional.fuzz import machine as machines
from tests.functional.fuzz import operations
from tests.functional.fuzz import oracle as oracles
from tests.functional.fuzz import scene

#: From these phases on a verb is only finished; the others from the first.
_DECIDED = {
    'create': {'create:switched', 'create:tagged', 'create:committed'},
    'revert': {'revert:committed'},
}


class Deaths(scene.Scene):
    """Runs verbs, whole or not."""

    def _verb(self, operation: operations.Operation, verb: str,
              arguments: Sequence[Any], named: dict[str, Any],
              refused: bool, before: oracles.Oracle,
              after: Callable[[], scene.Futures],
              between: Sequence[oracles.Oracle] = ()) -> scene.Futures:
        """Run a verb, in a process that dies if the operation says so.

        :param refused: whether it must be refused.
        :param before: what there is if it is undone, or refused.
        :param after: gives what there may be if it is finished.
        :param between: what there may be, too, if it is undone.
        """
        machine, manager = self.machine, self.manager
        stale = machine.is_stale()
        if operation.says('blind'):
            manager.drop_view(machine.name)
        if operation.says('plan'):
            self._plan(verb, arguments, named, refused)
        if operation.killed_at is not None:
            victim = self._killed(operation, verb, arguments, named)
            error = victim.answer
        else:
            victim, error = None, None
            try:
                getattr(manager, verb)(machine.name, *arguments, **named)
            except exception.Refused as caught:
                error = caught
        if isinstance(error, exception.Refused):
            return self._refused(error, refused, before)
        if victim is not None and (
                error is None or isinstance(error, Exception)):
            return self._after_death(operation, verb, victim.phases, before,
                                     after(), between, stale)
        if refused:
            raise AssertionError('it should have been refused')
        if operation.get('dies') == 'libvirtd':
            # At the very end no verb fails for what virsh shows.
            manager.restore_view(machine.name)
        return after()

    def _refused(self, error: exception.Refused, refused: bool,
                 before: oracles.Oracle) -> scene.Futures:
        if not refused:
            raise error
        self.outcome = ' refused'
        self.manager.restore_view(self.machine.name)  # if it was lost
        return [before]

    def _plan(self, verb: str, arguments: Sequence[Any],
              named: dict[str, Any], refused: bool) -> None:
        """A dry run says whether it will be refused, and changes nothing."""
        machine, manager = self.machine, self.manager
        before = machine.fingerprint()
        plan = getattr(manager, f'plan_{verb}')(
            machine.name, *arguments, **named)
        self._see_unchanged(before)
        self.test.assertEqual(refused, bool(plan.refusals), plan.refusals)

    def _see_unchanged(self, before: dict[str, Any]) -> None:
        after = self.machine.fingerprint()
        self.test.assertEqual(
            {}, {key: (before.get(key), after.get(key))
                 for key in {*before, *after}
                 if before.get(key) != after.get(key)})

    def _killed(self, operation: operations.Operation, verb: str,
                arguments: Sequence[Any],
                named: dict[str, Any]) -> victims.Victim:
        by_libvirtd = operation.get('dies') == 'libvirtd'
        late = operation.get('late')
        victim = self.test.start(self.test.job(
            verb, self.machine, *arguments,
            signal_at=None if late else operation.killed_at,
            signal=signal.SIGSTOP if by_libvirtd else signal.SIGKILL,
            **named))
        if late:
            _await_phases(victim, (operation.killed_at or 0) + 1)
            test_running.wait(int(late) / 1000)
            if by_libvirtd:
                host.stop_libvirtd()
            else:
                victim.kill()
        elif by_libvirtd:
            _await_stop(victim)
            if _stands_still(victim.pid):
                host.stop_libvirtd()
                victim.go_on()
        code = victim.wait()
        if by_libvirtd:
            host.start_libvirtd()
        self.test.assertIn(code, (0, -signal.SIGKILL))
        if code == 0 and not by_libvirtd and not isinstance(
                victim.answer, exception.Refused | str):
            raise AssertionError(victim.answer)
        return victim

    def _after_death(self, operation: operations.Operation, verb: str,
                     phases: Sequence[str], before: oracles.Oracle,
                     afters: scene.Futures,
                     between: Sequence[oracles.Oracle],
                     stale: bool) -> scene.Futures:
        """What there may be, after what happens then and recover.

        :param stale: whether it was defined on other files than it wrote.
        """
        machine = self.machine
        by_libvirtd = operation.get('dies') == 'libvirtd'
        self.outcome = ' as libvirtd dies' if by_libvirtd else ' killed'
        began = any(p.startswith((f'{verb}:', 'create:')) for p in phases)
        if began and _DECIDED.get(verb, {*phases}) & {*phases}:
            futures = afters
        else:
            futures = [before, *between, *afters] if began else [before]
        power, saved = machine.power(), machine.is_saved()
        # libvirt may still be at work on what it was asked for.
        stale = stale or operation.says('late') or (
            power is not Power.SHUTOFF and not _same(
                machine.defined_files(), machine.files_in_use()))
        if power is Power.SHUTOFF and not saved and not stale:
            self._see_that_it_has_data(futures)
        then = operation.get('then')
        changed = then in ('ran', 'runs') and not saved and not stale
        if changed:
            power = self._disturb(then == 'ran')
        if changed and then == 'ran':
            mark = f'm{operation.number}'
            machine.write_mark(mark, machines.DISKS)
            written = [future.write(mark, machines.DISKS)
                       for future in futures]
            # From there on it is finished, over whatever was written.
            over = {'revert:applying', 'revert:reverting'} & {*phases}
            futures = [*futures, *written] if over else written
        try:
            self._recover_after(then)
        except exception.Unfinished:
            if verb != 'adopt' or power is Power.SHUTOFF:
                raise
            # Headers are not written while it runs.
            machine.destroy()
            power, changed = Power.SHUTOFF, True
            self.manager.recover(machine.name)
        self.test.assert_recover_does_nothing(machine)
        now = machine.power()
        # It is libvirt that stops a guest whose memory is put back.
        stopping = any(p.startswith('revert:') for p in phases) and (
            'memory' not in self.how or 'revert:reverting' in phases)
        if (operation.says('late') and by_libvirtd and verb == 'revert'
                and now is Power.SHUTOFF):
            # QEMU may have been told to end, and may have ended since.
            futures = [*futures, *(
                future.but(power=now) for future in futures)]
        if (by_libvirtd and 'create:planned' in phases
                and 'external' not in self.how
                and (before.power, now) == (Power.PAUSED, Power.RUNNING)):
            # At its start libvirtd resumes what it finds in the middle of a
            # save, and may not know any more that it stood still before.
            before = before.but(power=now)
        return [
            future.but(
                memory=future.memory if saved else None, saved=saved,
                settled=now is Power.SHUTOFF and not saved,
                power=_power_after(future, stopping, before, power, changed,
                                   now))
            for future in futures]

    def _disturb(self, stop: bool) -> Power:
        """Plain libvirt starts the domain, if it is off, or stops it."""
        machine = self.machine
        if machine.power() is Power.SHUTOFF:
            machine.turn_on(Power.PAUSED)
        if stop:
            machine.destroy()
        return machine.power()

    def _see_that_it_has_data(self, futures: scene.Futures) -> None:
        """It boots, with the data that it had or should have (I4)."""
        files = self.machine.defined_files()
        marks = self.machine.read_marks(files.values())
        self.test.assertIn(
            {name: marks[path] for name, path in files.items()},
            [{name: active.mark for name, active in future.actives.items()}
             for future in futures])

    def _recover_after(self, then: str | None) -> None:
        machine, test = self.machine, self.test
        if then == 'dies':
            for index in itertools.count():
                if test.run_victim(
                        'recover', machine, signal_at=index).answer:
                    break
        if then == 'settle':
            test.manager.settle(machine.name)
        else:
            test.manager.recover(machine.name)


def _same(some: Mapping[str, pathlib.Path],
          others: Mapping[str, pathlib.Path]) -> bool:
    return all(path.samefile(others[name]) for name, path in some.items())


def _await_phases(victim: victims.Victim, count: int) -> None:
    """Until it has announced so many, or has ended."""
    while len(victim.phases) < count and victim.answer is None:
        if not victim._pipe.poll(30) or not victim._receive():
            return


def _await_stop(victim: victims.Victim) -> None:
    """Until it stands still, or has ended."""
    host.wait_until(lambda: _stands_still(victim.pid) is not False,
                    'the victim stands still, or ends')


def _stands_still(pid: int) -> bool | None:
    """None if it has ended."""
    try:
        status = pathlib.Path('/proc', str(pid), 'stat').read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    word = status.rpartition(')')[2].split()[0]
    return None if word in 'ZX' else word == 'T'


def _power_after(future: oracles.Oracle, stopping: bool,
                 before: oracles.Oracle, power: Power, changed: bool,
                 now: Power) -> Power:
    """What runs goes on; a revert starts what it has stopped.

    :param stopping: whether a revert had begun.
    :param power: when recover began, perhaps in the middle of it.
    :param changed: whether somebody has started or stopped it.
    :param now: what it is now.
    """
    if stopping:
        if power is Power.SHUTOFF:
            return future.power
        # It goes on, but libvirt may just have been at work on it.
        return power if now is power else future.power
    return power if changed else before.power
