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

"""Reverting to an external snapshot.

::

    planned     base <- a <- b             s1 is a, b is active
    overlaid    c, empty, on a             nobody uses it
    stopped     the guest is off
    switched    the domain is defined on c, and "disk" is c
    frozen      b has mode 0440
    committed   base <- a <- c             state: active is c, current is s1;
                        s1 \\- b            b has the safety snapshot's name
    unlinked    (or b is gone, if nothing was written to it)
    started     the guest runs, if it did or shall

Before the commit an interrupted one is undone, after it it is finished.
libvirt's own revert is not used: 9.0 has none, and later ones kill the
guest, then fail on Nova's file names, or unlink the active overlay.
"""

from collections.abc import Mapping
import dataclasses
import time
from typing import Any

from snapdriver import chain
from snapdriver import cleanup
from snapdriver import directory
from snapdriver import domain as domains
from snapdriver import instance as instances
from snapdriver import model
from snapdriver import preflight
from snapdriver import settle
from snapdriver import state as state_file
from snapdriver import survey as surveys
from snapdriver import view
from snapdriver.backends import overlays
from snapdriver.backends import pruning
from snapdriver.backends import safety_names


@dataclasses.dataclass(frozen=True, slots=True)
class _Todo:
    request: model.RevertRequest
    xml: str
    picked: dict[str, surveys.Found]
    new: dict[str, model.Layer]
    domain: domains.Domain
    was: model.Power
    wanted: model.Power
    ready: bool


def plan(instance: instances.Instance, request: model.RevertRequest,
         ready: Mapping[str, model.Layer] | None = None) -> model.Plan:
    """See :meth:`snapdriver.backends.base.Backend.plan_revert`.

    :param ready: disk name to a layer that shall be active then, instead of
        an overlay on the snapshot's layer; its file is there.
    """
    domain, was, _, refusals = preflight.look(instance)
    if refusals:
        return model.Plan(
            verb='revert', domain=instance.name, kind=request.snapshot.kind,
            snapshots=(request.snapshot.name,), refusals=tuple(refusals))
    survey = surveys.survey(instance, domain, was)
    state = instance.state
    refusals += survey.problems
    if was is not model.Power.SHUTOFF:
        refusals += preflight.of_block_jobs(domain, survey)
    if not domain.is_persistent():
        refusals.append('it is transient and would vanish when stopped; '
                        'define it by "virsh define"')
    target = request.snapshot
    picked = {name: found for name, found in survey.ours.items()
              if name in target.disks}
    for name, point in target.disks.items():
        if name not in picked:
            refusals.append(f'disk {name} of the snapshot is not attached; '
                            'attach it again')
            continue
        layer = state.layers[point.layer]
        surveys.check_files(instance, layer)
        surveys.check_header(instance, picked[name].disk, layer)
        refusals += preflight.of_depth(
            instance, picked[name].disk.target,
            chain.depth(state.layers, layer.id) + (ready is None))
    if not refusals:
        refusals += preflight.of_privileges(instance, picked)
    todo = _Todo(
        request=request, xml=survey.xml, picked=picked, domain=domain, was=was,
        wanted=request.power or was, ready=ready is not None,
        new=dict(ready) if ready is not None else {name: overlays.planned(
            instance, name, target.disks[name].layer, found.disk.size)
            for name, found in picked.items()})
    return model.Plan(
        verb='revert', domain=instance.name, snapshots=(target.name,),
        kind=target.kind, refusals=tuple(refusals),
        new_files=tuple(layer.file for layer in todo.new.values()),
        removed_files=() if request.safety else tuple(
            found.layer.file for found in picked.values()
            if found.layer.id not in chain.named(state.snapshots.values())),
        bytes=len(picked) * 196624, left_out=dict(target.left_out),
        notes=_notes(request),
        pause='none' if was is model.Power.SHUTOFF
        else 'the guest is stopped, and starts again from the snapshot',
        data=todo)


def _notes(request: model.RevertRequest) -> tuple[str, ...]:
    if request.safety:
        return ('what is active now is kept as a safety snapshot, if '
                'anything was written since the last one',)
    return ('all that was written since the last snapshot is lost',)


def revert(instance: instances.Instance, plan: model.Plan,
           **changes: Any) -> model.Snapshot | None:
    """See :meth:`snapdriver.backends.base.Backend.revert`.

    :param changes: of the state, written with the first record.
    """
    todo: _Todo = plan.data
    safety = _safety(instance.state, todo) if todo.request.safety else None
    instance.begin('revert', todo.request.snapshot.kind, 'planned', {
        'snapshot': todo.request.snapshot.id,
        'new': overlays.to_data(todo.new),
        'sizes': {n: found.disk.size for n, found in todo.picked.items()},
        'safety': None if safety is None else state_file.to_plain(safety),
        'times': overlays.times(instance, todo.new) if todo.ready else {},
        'was': todo.was.value, 'wanted': todo.wanted.value}, **changes)
    if safety is not None:
        instance.make_folder().replace_file(
            view.xml_file(safety.id), todo.xml.encode(), durably=False)
    if not todo.ready:
        overlays.make(instance, todo.new, instance.operation.data['sizes'])
    instance.passed('overlaid')
    if not instance.is_off():
        todo.domain.stop()
    instance.advance('stopped', {'stopped_at': time.time()})
    settle.switch(instance, todo.new)
    instance.passed('switched')
    _freeze(instance)  # whoever starts it on the old layers now fails
    overlays.require_unused(instance, 'revert', todo.new)
    _commit(instance)
    _finish(instance)
    return (None if safety is None
            else instance.state.snapshots.get(safety.id))


def _safety(state: model.State, todo: _Todo) -> model.Snapshot:
    """The snapshot that keeps what is active; its layers are those now."""
    now = time.time()
    wanted = safety_names.request(state, todo.request)
    off = todo.was is model.Power.SHUTOFF
    return model.Snapshot(
        id=wanted.id, name=wanted.name, kind='external',
        state='shutoff' if off else 'disk-snapshot', parent=state.current,
        created_at=now, frozen_at=now,
        consistency=model.Consistency.OFFLINE if off
        else model.Consistency.CRASH_CONSISTENT,
        disks={name: model.Point(layer=found.layer.id, size=found.disk.size)
               for name, found in todo.picked.items()},
        description=wanted.description, properties=wanted.properties,
        safety=True)


def _freeze(instance: instances.Instance) -> None:
    """What is active until the commit, whether it is kept or goes."""
    state = instance.state
    for name in instance.operation.data['new']:
        layer = state.layers[state.disks[name].active]
        instance.directory.chmod(layer.file, directory.FROZEN_MODE)


def _commit(instance: instances.Instance) -> None:
    """The new layers are active; what was active is named, or goes."""
    state, data = instance.state, instance.operation.data
    new = overlays.from_data(data['new'])
    disks = dict(state.disks)
    for name, layer in new.items():
        disks[name] = dataclasses.replace(
            disks[name], active=layer.id, size=data['sizes'][name])
    layers = dict(state.layers) | {layer.id: layer for layer in new.values()}
    snapshots = dict(state.snapshots)
    safety = _needed_safety(instance)
    if safety is not None:
        snapshots[safety.id] = safety
    pruned = pruning.prune(
        dataclasses.replace(
            state, disks=disks, layers=layers, snapshots=snapshots,
            current=data['snapshot']), data['snapshot'],
        instance.options.safety_keep if safety is not None else None)
    _freeze(instance)
    instance.passed('frozen')
    instance.advance('committed', pruned.data, **pruned.changes)


def _needed_safety(instance: instances.Instance) -> model.Snapshot | None:
    """The planned safety snapshot, unless nothing was written since."""
    state, data = instance.state, instance.operation.data
    if data['safety'] is None:
        return None
    safety = state_file.to_snapshot(data['safety'])
    current = state.snapshots.get(state.current or '')
    if current is not None and all(
            instance.is_pristine(state.layers[point.layer])
            and name in current.disks
            and current.disks[name].tag is None
            and state.layers[point.layer].parent == current.disks[name].layer
            for name, point in safety.disks.items()):
        return None
    return dataclasses.replace(
        safety, frozen_at=data.get('stopped_at', safety.frozen_at))


def _finish(instance: instances.Instance) -> None:
    """What remains after the commit; can be repeated."""
    pruning.finish(instance)
    pruning.start(instance)


def recover(instance: instances.Instance) -> str:
    """Finish it if it was committed or written to, else undo it."""
    operation = instance.operation
    new = overlays.from_data(operation.data['new'])
    if operation.phase != 'committed':
        if not (overlays.in_use(instance, new)
                or overlays.written(instance, new)):
            _undo(instance, new)
            return 'undone'
        if instance.is_off():
            settle.switch(instance, new)
        _commit(instance)
    _finish(instance)
    return 'finished'


def _undo(instance: instances.Instance, new: dict[str, model.Layer]) -> None:
    """Everything as it was; a guest that ran before runs again."""
    data: dict[str, Any] = dict(instance.operation.data)
    domain = instance.domain
    overlays.restore(instance, new)
    for layer in new.values():
        instance.directory.unlink(layer.file)
    was = model.Power(data['was'])
    if (domain is not None and was is not model.Power.SHUTOFF
            and domain.is_off()):
        view.sync(instance)
        domain.start(paused=was is model.Power.PAUSED)
    instance.finish(None)
    cleanup.sweep_folder(instance)
