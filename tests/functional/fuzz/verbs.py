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

"""The verbs: done, refused, or cut off."""

import snapdriver
from snapdriver import exception
from snapdriver import model
from tests.functional.faults import test_kills
from tests.functional.fuzz import deaths
from tests.functional.fuzz import machine as machines
from tests.functional.fuzz import operations
from tests.functional.fuzz import oracle as oracles
from tests.functional.fuzz import scene


class Verbs(deaths.Deaths):
    """Each gives what there may be afterwards."""

    def do_create(self, operation: operations.Operation) -> scene.Futures:
        label = f's{operation.number}'
        kind = operation.get('kind') or 'external'
        names = operation.names('disks') or list(machines.DISKS)
        if kind not in self.manager.kinds:
            raise scene.Impossible
        self.how = f' {kind}{" suspended" * self.oracle.saved}'
        files = self.machine.active_files()
        too_deep = kind == 'external' and self.is_too_deep(
            [files[name].name for name in names])
        before = self.oracle.settle()
        return self._verb(
            operation, 'create', (label,), {'kind': kind, 'disks': names},
            self.has_enough() or too_deep, before,
            lambda: [before.create(label, operation.number, names, kind)])

    def do_revert(self, operation: operations.Operation) -> scene.Futures:
        target = operation.details['to']
        if target not in self.oracle.snapshots:
            raise scene.Impossible
        before = self.oracle.settle()
        safe = operation.get('safety') != 'no'
        memory = operation.get('memory') != 'no'
        named = {'safety': safe, 'power': operation.power, 'memory': memory}
        way = self._way(target, memory, operation.power)
        label = f'safety@{operation.number}'
        self.how = f' by {way.value}'

        def futures() -> scene.Futures:
            keeps = before.must_keep(target, way) if safe else False
            labels: list[str | None] = [] if keeps else [None]
            if keeps is not False:
                labels.append(label)
            return [before.revert(
                target, operation.number, way=way, safety=made,
                power=operation.power).settle() for made in labels]

        between = [before.keep(label, operation.number, machines.DISKS, way)
                   ] if safe and way.is_inside else []
        return self._verb(
            operation, 'revert', (self.names[target],), named,
            before.saved or not self.can_revert(target), before, futures,
            between)

    def _way(self, label: str, memory: bool,
             power: model.Power | None) -> oracles.Way:
        """How a revert to that snapshot must do it."""
        snapshot = self.oracle.snapshots[label]
        if snapshot.kind == 'external':
            return oracles.Way.OVERLAY
        active = self.machine.active_files()
        info = self.manager.show(self.machine.name, self.names[label])
        if any(active[name].name != disk['layer']
               for name, disk in info.disks.items()):
            return oracles.Way.COPY
        if (snapshot.memory is None or not memory
                or power is model.Power.SHUTOFF):
            return oracles.Way.TAGS
        return oracles.Way.MEMORY

    def can_revert(self, label: str) -> bool:
        """Whether one more layer is allowed on a snapshot's."""
        info = self.manager.show(self.machine.name, self.names[label])
        return info.kind != 'external' or not self.is_too_deep(
            [disk['layer'] for disk in info.disks.values()])

    def do_delete(self, operation: operations.Operation) -> scene.Futures:
        before = self.oracle.settle()
        labels = [label for label in operation.names('of')
                  if label in before.snapshots]
        everything = operation.says('everything')
        if not labels and not everything or not before.snapshots:
            raise scene.Impossible
        children = operation.says('children')
        names = [self.names[label] for label in labels]
        return self._verb(
            operation, 'delete', (names,),
            {'children': children, 'everything': everything}, False, before,
            lambda: [before.delete(labels, children, everything)])

    def do_settle(self, operation: operations.Operation) -> scene.Futures:
        before = self.oracle.settle()
        return self._verb(operation, 'settle', (), {}, False, before,
                          lambda: [before])

    def do_merge(self, operation: operations.Operation) -> scene.Futures:
        if not hasattr(self.manager, 'merge'):
            raise scene.Impossible
        before = self.oracle.settle()
        return self._verb(operation, 'merge', (), {}, False, before,
                          lambda: [before.merge()])

    def do_adopt(self, operation: operations.Operation) -> scene.Futures:
        """Somebody takes a snapshot by virsh; it is adopted."""
        machine, manager = self.machine, self.manager
        # libvirt leaves alone a definition on other paths than QEMU's.
        if self.oracle.saved or machine.is_stale() or (
                machine.defined_files() != machine.files_in_use()):
            raise scene.Impossible
        files = machine.active_files()
        if self.is_too_deep([path.name for path in files.values()]):
            raise scene.Impossible
        label, before = f'x{operation.number}', self.oracle
        manager.settle(machine.name)
        test_kills.virsh_snapshot(machine, label)
        after = before.create(label, operation.number, machines.DISKS)
        if before.up:
            for verb in (manager.create, manager.adopt):
                self.test.assertRaises(
                    exception.Refused, verb, machine.name)
            machine.destroy()
            after = after.stop()
        if operation.says('first'):
            getattr(manager, operation.details['first'])(machine.name)
        # Its layers were not made by us: it is not known what was written.
        after = after.but(settled=True, actives={
            name: oracles.Active(active.mark, active.stands_on)
            for name, active in after.actives.items()})
        return self._verb(operation, 'adopt', (), {}, False, after,
                          lambda: [after])

    def do_recover(self, operation: operations.Operation) -> scene.Futures:
        self.test.assertEqual(
            [], list(self.manager.recover(self.machine.name)))
        return [self.oracle.settle()]

    def do_check(self, operation: operations.Operation) -> scene.Futures:
        """It changes nothing; nor do the others that only look."""
        machine, manager = self.machine, self.manager
        before = machine.fingerprint()
        found = manager.check(machine.name, deep=True)
        self.test.assertEqual([], [
            f.message for f in found
            if f.severity is model.Severity.ERROR])
        infos = manager.list(machine.name)
        self.test.assertEqual(
            infos, snapdriver.SnapshotManager(None).list(machine.uuid)
            if machine.has_state() else [])
        for info in infos:
            self.test.assertEqual(info, manager.show(machine.name, info.id))
        self._see_unchanged(before)
        return [self.oracle]

    def do_wrong(self, operation: operations.Operation) -> scene.Futures:
        """What cannot be done is refused, and nothing is changed."""
        name, taken = self.machine.name, [
            self.names[label] for label in self.oracle.snapshots]
        expected: type[Exception] = exception.SnapshotNotFound
        what = operation.get('what')
        if what == 'show':
            self.test.assertRaises(
                expected, self.manager.show, name, 'nothing')
            return [self.oracle]
        if what == 'revert':
            self.test.assertRaises(
                expected, self.manager.revert, name, 'nothing')
        elif what == 'delete':
            self.test.assertRaises(
                expected, self.manager.delete, name, [*taken, 'nothing'])
        elif taken:
            self.test.assertRaises(
                exception.Refused, self.manager.create, name, taken[0])
        else:
            self.test.assertRaises(
                exception.DiskNotFound, self.manager.create, name, 'new',
                disks=['vdz'])
        return [self.oracle.settle()]
