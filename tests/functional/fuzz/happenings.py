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

"""What happens to a guest without us."""

import libvirt

from snapdriver.model import Power
from tests.functional import host
from tests.functional.fuzz import machine as machines
from tests.functional.fuzz import operations
from tests.functional.fuzz import scene


class Happenings(scene.Scene):
    """Each gives what there may be afterwards."""

    def do_write(self, operation: operations.Operation) -> scene.Futures:
        machine, oracle = self.machine, self.oracle
        if oracle.saved or not oracle.up and machine.is_stale():
            raise scene.Impossible
        names = operation.names('disks') or machines.DISKS
        mark = f'm{operation.number}'
        machine.write_mark(mark, names)
        if operation.says('memory') and oracle.up:
            number = int(operation.details['memory'])
            machine.write_memory(number)
            oracle = oracle.but(memory=number)
        return [oracle.write(mark, names)]

    def do_start(self, operation: operations.Operation) -> scene.Futures:
        machine, oracle = self.machine, self.oracle
        if oracle.up:
            raise scene.Impossible
        power = operation.power or Power.RUNNING
        if not oracle.saved and machine.is_stale():
            # The kernel refuses to let QEMU write a frozen layer.
            self.test.assertRaises(
                libvirt.libvirtError, machine.turn_on, power)
            self.outcome = ' refused'
            return [oracle]
        machine.turn_on(power)
        return [oracle.start(power)]

    def do_down(self, operation: operations.Operation) -> scene.Futures:
        self._require_up()
        self.machine.destroy()
        return [self.oracle.stop()]

    def do_die(self, operation: operations.Operation) -> scene.Futures:
        """QEMU is killed."""
        self._require_up()
        self.machine.kill_qemu()
        return [self.oracle.stop()]

    def do_save(self, operation: operations.Operation) -> scene.Futures:
        self._require_up()
        self.machine.dom.managedSave(0)
        return [self.oracle.save()]

    def do_pause(self, operation: operations.Operation) -> scene.Futures:
        self._require_up()
        self.machine.dom.suspend()
        return [self.oracle.but(power=Power.PAUSED)]

    def do_resume(self, operation: operations.Operation) -> scene.Futures:
        self._require_up()
        self.machine.dom.resume()
        return [self.oracle.but(power=Power.RUNNING)]

    def do_define(self, operation: operations.Operation) -> scene.Futures:
        """Somebody writes the definition afresh, by Nova's names."""
        self._require_up()
        self.machine.define()
        return [self.oracle]

    def _require_up(self) -> None:
        if not self.oracle.up:
            raise scene.Impossible

    def do_nova(self, operation: operations.Operation) -> scene.Futures:
        """A hard reboot, as Nova's: the domain is undefined and defined."""
        machine, manager = self.machine, self.manager
        oracle = self.oracle
        if oracle.up:
            machine.destroy()
            oracle = oracle.stop()
        before = operation.get('settle') == 'before' and not oracle.saved
        if before:
            manager.settle(machine.name)
        manager.drop_view(machine.name)
        machine.dom.undefineFlags(
            libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE
            | libvirt.VIR_DOMAIN_UNDEFINE_NVRAM)
        if not before and machine.has_state():
            self.test.assertTrue(manager.settle(machine.uuid))
        machine.define()
        manager.restore_view(machine.name)
        oracle = oracle.but(saved=False, settled=True)
        power = operation.power or Power.SHUTOFF
        if power is not Power.SHUTOFF:
            machine.turn_on(power)
            oracle = oracle.start(power)
        return [oracle]

    def do_libvirtd(self, operation: operations.Operation) -> scene.Futures:
        host.restart_libvirtd(kill=operation.get('by') == 'kill')
        return [self.oracle]
