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

"""Creating an external snapshot.

::

    planned     base <- a                  state: about to put b on a
    linked      a has its own name disk.layer-a beside "disk"
    overlaid    base <- a <- b             b is empty and nobody uses it
    switched    the guest writes b; a shut-off domain is defined on b
    frozen      a has mode 0440
    committed   state: s1 is a, active is b

Whether QEMU (or the definition) stands on b decides if an interrupted one
is finished or undone.
"""

import dataclasses
import time
from typing import Any

from snapdriver import cleanup
from snapdriver import directory
from snapdriver import domain as domains
from snapdriver import domainxml
from snapdriver import exception
from snapdriver import instance as instances
from snapdriver import managedsave
from snapdriver import model
from snapdriver import preflight
from snapdriver import settle
from snapdriver import state as state_file
from snapdriver import survey as surveys
from snapdriver import thawing
from snapdriver import view
from snapdriver.backends import overlays
from snapdriver.backends import quiescing


@dataclasses.dataclass(frozen=True, slots=True)
class _Todo:
    request: model.CreateRequest
    xml: str
    picked: dict[str, surveys.Found]
    left_out: dict[str, str]
    new: dict[str, model.Layer]
    domain: domains.Domain
    power: model.Power
    quiesce: bool
    in_view: bool


def plan(instance: instances.Instance,
         request: model.CreateRequest) -> model.Plan:
    """See :meth:`snapdriver.backends.base.Backend.plan_create`."""
    # libvirt refuses by itself to snapshot a disk with a block job, before it
    # changes anything: only a plan for people has to ask.
    trying = (instance.lock is not None
              and request.quiesce is model.Quiesce.NEVER)
    domain, power, names, refusals = preflight.look(
        instance, suspended=True)
    if refusals:
        return model.Plan(
            verb='create', domain=instance.name, snapshots=(request.name,),
            kind=request.kind, refusals=tuple(refusals))
    survey = surveys.survey(instance, domain, power)
    picked = survey.pick(request.disks, instance.name)
    left_out = dict(survey.left_out) | {
        found.disk.target: 'it was not asked for'
        for name, found in survey.ours.items() if name not in picked}
    refusals += survey.problems
    if power is not model.Power.SHUTOFF:
        refusals += preflight.of_block_jobs(
            domain, survey, but=picked if trying else ())
    if not picked and not survey.problems:
        refusals.append(
            'it has no disk that can be snapshotted (' + (', '.join(
                f'{t}: {why}' for t, why in survey.left_out.items())
                or 'it has no disk at all') + ')')
    refusals += preflight.of_name(instance, request.name, names)
    refusals += preflight.of_limits(instance, picked)
    refusals += preflight.of_space(instance)
    if not refusals:
        refusals += preflight.of_privileges(instance, picked)
    quiesce, notes, refused = quiescing.wanted(instance, domain,
                                               request.quiesce, power)
    todo = _Todo(
        request=request, xml=survey.xml, picked=picked, left_out=left_out,
        domain=domain, power=power, quiesce=quiesce,
        in_view=view.is_current(instance, names),
        new={name: overlays.planned(instance, name, found.layer.id,
                                    found.disk.size)
             for name, found in picked.items()})
    return model.Plan(
        verb='create', domain=instance.name, snapshots=(request.name,),
        kind=request.kind, refusals=tuple(refusals + refused),
        new_files=tuple(layer.file for layer in todo.new.values()),
        bytes=len(picked) * 196624, left_out=left_out, notes=tuple(notes),
        pause='none' if power is model.Power.SHUTOFF
        else 'milliseconds, of disk writes only', data=todo)


def create(instance: instances.Instance, plan: model.Plan) -> model.Snapshot:
    """See :meth:`snapdriver.backends.base.Backend.create`."""
    todo: _Todo = plan.data
    state = instance.state
    draft = _draft(state, todo, todo.power is model.Power.SHUTOFF
                   and managedsave.is_suspended(instance))
    data: dict[str, Any] = {
        'snapshot': state_file.to_plain(draft),
        'new': overlays.to_data(todo.new), 'quiesce': todo.quiesce,
        'added': [name for name, found in todo.picked.items() if found.new]}
    instance.begin(
        'create', draft.kind, 'planned', data,
        disks=dict(state.disks) | {
            name: found.disk for name, found in todo.picked.items()},
        layers=dict(state.layers) | {
            found.layer.id: found.layer for found in todo.picked.values()})
    _prepare(instance, todo)
    # A live create puts it into libvirt's list, on the one that is current.
    return _finish(instance, _switch(instance, todo),
                   todo.power is not model.Power.SHUTOFF and todo.in_view)


def _draft(state: model.State, todo: _Todo,
           suspended: bool) -> model.Snapshot:
    """The snapshot as it will be, times and consistency still to come."""
    request = todo.request
    now = time.time()
    off = todo.power is model.Power.SHUTOFF
    return model.Snapshot(
        id=request.id, name=request.name, kind=request.kind,
        state='shutoff' if off else 'disk-snapshot', parent=state.current,
        created_at=now, frozen_at=now,
        consistency=model.Consistency.OFFLINE if off and not suspended
        else model.Consistency.CRASH_CONSISTENT,
        disks={name: model.Point(
            layer=found.layer.id, size=found.disk.size,
            overlay=todo.new[name].file)
            for name, found in todo.picked.items()},
        left_out=todo.left_out, description=request.description,
        properties=dict(request.properties))


def _prepare(instance: instances.Instance, todo: _Todo) -> None:
    instance.make_folder().write_new(  # what is lost is made again
        view.xml_file(todo.request.id), todo.xml.encode())
    for found in todo.picked.values():
        if instance.directory.stat(found.layer.file) is None:
            instance.directory.link(found.disk.name, found.layer.file)
    instance.passed('linked')
    overlays.make(instance, todo.new, {
        name: found.disk.size for name, found in todo.picked.items()})
    instance.passed('overlaid')


def _switch(instance: instances.Instance, todo: _Todo) -> float:
    """Let the domain write the overlays from now on; the moment of it."""
    frozen_at = time.time()
    if todo.power is model.Power.SHUTOFF:
        settle.switch(instance, todo.new)
        instance.passed('switched')
        # Frozen first: whoever starts it on the old layer from now on fails.
        _freeze(instance)
        overlays.require_unused(instance, 'create', todo.new)
        return frozen_at
    xml = domainxml.new_snapshot(
        todo.request.name, todo.request.description,
        {found.disk.target: instance.directory.path_of(todo.new[name].file)
         for name, found in todo.picked.items()}, list(todo.left_out))
    if todo.quiesce:
        if quiescing.snapshot(instance, todo.domain, xml, todo.new,
                              todo.request.quiesce):
            _set_quiesced(instance)
    else:
        _snapshot(instance, todo, xml)
    instance.passed('switched')
    return frozen_at


def _snapshot(instance: instances.Instance, todo: _Todo, xml: str) -> None:
    """:raises Refused: libvirt has found what the plan did not look for."""
    try:
        todo.domain.snapshot_disks(xml, quiesce=False)
    except exception.LibvirtFailed as error:
        reasons = preflight.of_block_jobs_on(todo.domain, [
            found.disk.target for found in todo.picked.values()])
        if reasons:
            raise exception.Refused('create', instance.name,
                                    reasons) from error
        raise


def _set_quiesced(instance: instances.Instance) -> None:
    snapshot = dict(instance.operation.data['snapshot'])
    snapshot['consistency'] = model.Consistency.QUIESCED.value
    instance.note({'snapshot': snapshot})


def recover(instance: instances.Instance) -> str:
    """Finish it if the domain stands on the overlays, else undo it."""
    data = instance.operation.data
    new = overlays.from_data(data['new'])
    overlays.put_back(instance, new)
    overlays.wait_for_jobs(instance.domain)
    if data['quiesce']:
        thawing.thaw(instance)
    switched = _switched(instance, new)
    if not switched:
        overlays.restore(instance, new)
    if not switched and overlays.withdraw(instance, new):
        instance.make_folder().unlink(
            view.xml_file(data['snapshot']['id']))
        disks, layers = overlays.without_unlinked(instance)
        instance.finish(None, disks=disks, layers=layers)
        cleanup.forget_if_bare(instance)
        return 'undone'
    if instance.is_off():
        settle.switch(instance, new)
    _finish(instance)
    return 'finished'


def _switched(instance: instances.Instance,
              new: dict[str, model.Layer]) -> bool:
    if not instance.is_off():
        return overlays.in_use(instance, new)
    return (overlays.defined_on(instance, new)
            or overlays.written(instance, new)
            or any(instance.directory.same(layer.disk, layer.file)
                   for layer in new.values()))


def _freeze(instance: instances.Instance) -> None:
    for point in instance.operation.data['snapshot']['disks'].values():
        layer = instance.state.layers[point['layer']]
        instance.directory.chmod(layer.file, directory.FROZEN_MODE)


def _finish(instance: instances.Instance,
            frozen_at: float | None = None,
            in_view: bool = False) -> model.Snapshot:
    """Freeze the layers below and give them their name.

    :param frozen_at: the moment; unless known, that of the first record.
    :param in_view: whether libvirt lists it already, as it should.
    """
    state, data = instance.state, instance.operation.data
    snapshot = state_file.to_snapshot(data['snapshot'])
    if frozen_at is not None:
        snapshot = dataclasses.replace(snapshot, frozen_at=frozen_at)
    new = overlays.from_data(data['new'])
    _freeze(instance)
    instance.passed('frozen')
    instance.finish(
        'committed', current=snapshot.id,
        snapshots=dict(state.snapshots) | {snapshot.id: snapshot},
        layers=dict(state.layers) | {layer.id: layer
                                     for layer in new.values()},
        disks=dict(state.disks) | {
            name: dataclasses.replace(state.disks[name], active=layer.id)
            for name, layer in new.items()})
    if not in_view:
        view.sync(instance)
    return snapshot
