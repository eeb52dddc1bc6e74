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


"""Putting disks back to the tags in their active layers, by qemu-img.

::

    planned     a (active), tag s1        nothing has happened
    stopped                               the guest is off
    applying    a is as it was at s1      from here it is only finished
    committed   a (active), tag s1        s1 is current
    started     the guest boots, if it ran or shall

A tag carries the size that the disk had: it is enlarged again afterwards.
"""

from collections.abc import Mapping
import dataclasses

from snapdriver import domain as domains
from snapdriver import instance as instances
from snapdriver import model
from snapdriver import settle
from snapdriver import view
from snapdriver.backends import pruning


def revert(instance: instances.Instance, domain: domains.Domain,
           target: model.Snapshot, power: model.Power,
           sizes: Mapping[str, int], safe: bool) -> None:
    """:param power: how to leave the domain.
    :param sizes: disk name to the virtual size that it shall have.
    :param safe: whether a safety snapshot was made.
    """
    was = domain.power()
    instance.begin('revert', target.kind, 'planned', {
        'snapshot': target.id, 'way': 'tags', 'wanted': power.value,
        'was': was.value, 'safe': safe, 'sizes': dict(sizes)})
    if was is not model.Power.SHUTOFF:
        domain.stop()
    instance.advance('stopped')
    settle.settle(instance)
    instance.advance('applying')
    _apply(instance)
    _commit_and_end(instance)


def finish(instance: instances.Instance) -> None:
    """Apply all tags, whatever has become of the domain meanwhile."""
    domain = instance.domain
    if domain is not None:
        now = domain.power()
        if now is not model.Power.SHUTOFF:
            instance.note({'wanted': now.value})
            domain.stop()
    settle.settle(instance)
    _apply(instance)
    _commit_and_end(instance)


def _apply(instance: instances.Instance) -> None:
    state, data = instance.state, instance.operation.data
    for name, point in state.snapshots[data['snapshot']].disks.items():
        file = state.layers[point.layer].file
        instance.directory.take(file)
        instance.images.apply_tag(file, point.tag or '')
        size = data['sizes'].get(name, 0)
        if instance.header(file).size < size:
            instance.images.grow(instance.chain_files(point.layer), size)


def _commit_and_end(instance: instances.Instance) -> None:
    commit(instance)
    pruning.finish(instance)
    pruning.start(instance)


def commit(instance: instances.Instance) -> None:
    """The snapshot is the current one."""
    state, data = instance.state, instance.operation.data
    disks = dict(state.disks)
    for name, size in data['sizes'].items():
        disks[name] = dataclasses.replace(disks[name], size=size)
    pruned = pruning.prune(
        dataclasses.replace(state, disks=disks, current=data['snapshot']),
        data['snapshot'],
        instance.options.safety_keep if data['safe'] else None)
    instance.advance('committed', pruned.data, **pruned.changes)


def recover(instance: instances.Instance) -> str:
    """Finish it if a tag may have been applied, else undo it."""
    phase, data = instance.operation.phase, instance.operation.data
    if phase == 'committed':
        pruning.finish(instance)
        pruning.start(instance)
        return 'finished'
    if phase == 'applying':
        finish(instance)
        return 'finished'
    domain, was = instance.domain, model.Power(data['was'])
    if (domain is not None and was is not model.Power.SHUTOFF
            and domain.is_off()):
        settle.settle(instance)
        view.sync(instance)
        domain.start(paused=was is model.Power.PAUSED)
    instance.finish(None)
    return 'undone'
