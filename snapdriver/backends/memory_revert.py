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


"""Reverting memory and disks to an internal snapshot, by libvirt.

::

    planned     libvirt's description of s1 is about to be replaced: today's
                definition, on the active layers, and not the current one
    reverting   from here it is only finished
    reverted    QEMU is another process, and the guest is as it was at s1
    committed   s1 is current

libvirt makes a snapshot current when it has reverted to it: so an
interrupted revert is told from one that was done. If QEMU fails half-way the
guest is off, with the tags applied to some of the disks; then they are
applied to all, and it boots without its memory.
"""

from oslo_log import log as logging

from snapdriver import domain as domains
from snapdriver import exception
from snapdriver import instance as instances
from snapdriver import internalxml
from snapdriver import memory
from snapdriver import model
from snapdriver import settle
from snapdriver import view
from snapdriver.backends import overlays
from snapdriver.backends import pruning
from snapdriver.backends import tag_revert

LOG = logging.getLogger(__name__)


def revert(instance: instances.Instance, domain: domains.Domain,
           target: model.Snapshot, power: model.Power, safe: bool) -> None:
    """:param power: how to leave the domain: running or paused.
    :param safe: whether a safety snapshot was made.
    """
    instance.begin('revert', target.kind, 'planned', {
        'snapshot': target.id, 'way': 'memory', 'wanted': power.value,
        'was': domain.power().value, 'safe': safe, 'sizes': {}})
    _describe(instance, domain, target)
    instance.advance('reverting', {'process': memory.process(domain)})
    memory.revert(domain, target.name, power is model.Power.PAUSED)
    instance.passed('reverted')
    _finish(instance)
    if power is model.Power.RUNNING:
        memory.set_clock(domain, instance.options.quiesce_timeout)


def _describe(instance: instances.Instance, domain: domains.Domain,
              target: model.Snapshot) -> None:
    """Let libvirt take today's definition, and the guest's CPU of then."""
    definition = domain.defined_xml()
    machine = internalxml.with_cpu_of(
        definition, view.saved_xml(instance, target))
    view.sync(instance)
    domain.forget_snapshot(target.name)
    domain.redefine_snapshot(
        view.describe(instance, target, machine, definition), current=False)


def recover(instance: instances.Instance) -> str:
    """Finish it if libvirt may have begun, else undo it."""
    domain, data = instance.domain, instance.operation.data
    target = instance.state.snapshots[data['snapshot']]
    if instance.operation.phase == 'committed':
        _end(instance)
        return 'finished'
    overlays.wait_for_jobs(domain)
    if domain is None:
        raise exception.DomainNotFound(domain=instance.name,
                                       searched='libvirt')
    memory.wait_for_jobs(domain)
    if instance.operation.phase == 'reverting':
        if domain.current_snapshot() == target.name:
            _finish(instance)
            return 'finished'
        # What a killed client has asked for can still come: not any more
        # when libvirt has forgotten it, which waits for what it is doing.
        domain.forget_snapshot(target.name)
        if memory.process(domain) != data['process'] or data['process'] < 0:
            LOG.error(
                'The memory of %(domain)s could not be put back to %(name)s; '
                'its disks are, and it boots from them',
                {'domain': instance.name, 'name': target.name})
            tag_revert.finish(instance)
            return 'finished'
    domain.forget_snapshot(target.name)
    instance.finish(None)
    view.sync(instance)
    return 'undone'


def _finish(instance: instances.Instance) -> None:
    tag_revert.commit(instance)
    settle.define(instance, {
        disk.name: instance.state.layers[disk.active]
        for disk in instance.state.disks.values()})
    _end(instance)


def _end(instance: instances.Instance) -> None:
    """What remains after the commit; can be repeated."""
    target = instance.state.snapshots[instance.operation.data['snapshot']]
    view.drop(instance, [target.name])  # it is described as it was again
    pruning.finish(instance)
    pruning.start(instance)
