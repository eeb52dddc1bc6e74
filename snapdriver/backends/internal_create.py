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


"""Creating an internal snapshot: memory and disks, inside the images.

::

    planned     a (active)           state: about to tag it
    linked      a has its own name disk.layer-a beside "disk"
    tagged      a, tag s1            the guest, which stood still, goes on
    committed   a, tag s1            state: s1 is the tag s1 in a

libvirt does it if the domain runs or is paused, and qemu-img if it is off.
An interrupted one is finished if every disk has the tag, and else undone.
"""

from collections.abc import Mapping
import dataclasses
import time

from oslo_log import log as logging

from snapdriver import cleanup
from snapdriver import domain as domains
from snapdriver import domainxml
from snapdriver import exception
from snapdriver import instance as instances
from snapdriver import internalxml
from snapdriver import managedsave
from snapdriver import memory
from snapdriver import model
from snapdriver import preflight
from snapdriver import state as state_file
from snapdriver import survey as surveys
from snapdriver import view
from snapdriver.backends import internal_preflight
from snapdriver.backends import internal_tags
from snapdriver.backends import overlays

LOG = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, slots=True)
class _Todo:
    request: model.CreateRequest
    xml: str
    picked: Mapping[str, surveys.Found]
    left_out: Mapping[str, str]
    domain: domains.Domain
    power: model.Power
    in_view: bool
    safety: bool


def plan(instance: instances.Instance, request: model.CreateRequest,
         safety: bool = False) -> model.Plan:
    """See :meth:`snapdriver.backends.base.Backend.plan_create`.

    :param safety: whether it is made by a revert; it is not counted then.
    """
    domain, power, names, refusals = preflight.look(
        instance, suspended=True)
    if refusals:
        return model.Plan(
            verb='create', domain=instance.name, snapshots=(request.name,),
            kind=request.kind, refusals=tuple(refusals))
    survey = surveys.survey(instance, domain, power)
    off = power is model.Power.SHUTOFF
    size = 0 if off else internalxml.memory_bytes(survey.xml)
    refusals += survey.problems
    refusals += internal_preflight.of_disks(instance, survey, request)
    refusals += internal_preflight.of_firmware(survey.xml)
    if not off:
        refusals += preflight.of_block_jobs(domain, survey)
    refusals += preflight.of_name(instance, request.name, names)
    if not safety:
        refusals += preflight.of_limits(instance, dict(survey.ours),
                                        deeper=False)
    refusals += preflight.of_space(instance, size)
    if not refusals:
        refusals += preflight.of_privileges(instance, dict(survey.ours))
        refusals += internal_preflight.of_tags(instance, survey.ours,
                                               request.name)
    return model.Plan(
        verb='create', domain=instance.name, snapshots=(request.name,),
        kind=request.kind, refusals=tuple(refusals), bytes=size,
        left_out=survey.left_out, notes=_notes(request, power),
        pause='none' if off else
        'the guest stands still while its memory is written',
        data=_Todo(
            request=request, xml=survey.xml, picked=survey.ours,
            left_out=survey.left_out, domain=domain, power=power,
            in_view=view.is_current(instance, names), safety=safety))


def _notes(request: model.CreateRequest,
           power: model.Power) -> tuple[str, ...]:
    if request.quiesce is model.Quiesce.NEVER:
        return ()
    if power is model.Power.SHUTOFF:
        return ('the guest is off: there is nothing to quiesce',)
    return ('the memory is saved with the disks, so the file systems need '
            'not be quiesced',)


def create(instance: instances.Instance, plan: model.Plan) -> model.Snapshot:
    """See :meth:`snapdriver.backends.base.Backend.create`."""
    todo: _Todo = plan.data
    state, draft = instance.state, _draft(
        instance.state, todo, managedsave.is_suspended(instance))
    instance.begin(
        'create', draft.kind, 'planned', {
            'snapshot': state_file.to_plain(draft), 'was': todo.power.value,
            'added': [n for n, found in todo.picked.items() if found.new]},
        disks=dict(state.disks) | {
            name: found.disk for name, found in todo.picked.items()},
        layers=dict(state.layers) | {
            found.layer.id: found.layer for found in todo.picked.values()})
    _prepare(instance, todo)
    frozen_at = time.time()
    _tag(instance, todo)
    instance.passed('tagged')
    return _finish(instance, frozen_at, todo.in_view
                   and todo.power is not model.Power.SHUTOFF)


def _draft(state: model.State, todo: _Todo,
           suspended: bool) -> model.Snapshot:
    request = todo.request
    now = time.time()
    return model.Snapshot(
        id=request.id, name=request.name, kind=request.kind,
        state=todo.power.value, parent=state.current,
        created_at=now, frozen_at=now,
        consistency=model.Consistency.CRASH_CONSISTENT if suspended
        else model.Consistency.OFFLINE
        if todo.power is model.Power.SHUTOFF else model.Consistency.MEMORY,
        disks={name: model.Point(
            layer=found.layer.id, size=found.disk.size, tag=request.name)
            for name, found in todo.picked.items()},
        left_out=dict(todo.left_out), description=request.description,
        properties=dict(request.properties), safety=todo.safety)


def _prepare(instance: instances.Instance, todo: _Todo) -> None:
    folder = instance.make_folder()
    folder.replace_file(view.xml_file(todo.request.id), todo.xml.encode())
    if todo.power is not model.Power.SHUTOFF:
        folder.replace_file(view.definition_file(todo.request.id),
                            todo.domain.defined_xml().encode())
    for found in todo.picked.values():
        if instance.directory.stat(found.layer.file) is None:
            instance.directory.link(found.disk.name, found.layer.file)
    instance.passed('linked')


def _tag(instance: instances.Instance, todo: _Todo) -> None:
    """All disks or none, of one moment."""
    name = todo.request.name
    if todo.power is model.Power.SHUTOFF:
        for found in todo.picked.values():
            instance.directory.take(found.layer.file)
            instance.images.tag(found.layer.file, name)
        return
    targets = [found.disk.target for found in todo.picked.values()]
    try:
        memory.take(todo.domain, internalxml.new_snapshot(
            name, todo.request.description, targets,
            [disk.target for disk in domainxml.parse_disks(todo.xml)
             if disk.target not in targets]))
    except exception.LibvirtFailed as error:
        free, _ = instance.directory.free()
        if free < internalxml.memory_bytes(todo.xml):
            raise exception.NoSpace(path=instance.directory.path) from error
        raise


def recover(instance: instances.Instance) -> str:
    """Finish it if every disk has the tag, else undo it."""
    domain = instance.domain
    snapshot = state_file.to_snapshot(instance.operation.data['snapshot'])
    overlays.wait_for_jobs(domain)
    if domain is not None:
        memory.wait_for_jobs(domain)
    layers = [instance.state.layers[point.layer]
              for point in snapshot.disks.values()]
    files = {layer.disk: layer.file for layer in layers
             if instance.directory.stat(layer.file)}
    found = internal_tags.of_active(instance, files)
    complete = len(found) == len(layers) and all(
        names.count(snapshot.name) == 1 for names in found.values())
    if not complete:
        internal_tags.remove(instance, files.values(), snapshot.name)
        view.drop(instance, [snapshot.name])
    _go_on(instance)
    if complete:
        _finish(instance)
        return 'finished'
    for file in (view.xml_file(snapshot.id),
                 view.definition_file(snapshot.id)):
        instance.make_folder().unlink(file)
    kept_disks, kept_layers = overlays.without_unlinked(instance)
    instance.finish(None, disks=kept_disks, layers=kept_layers)
    view.sync(instance)
    cleanup.forget_if_bare(instance)
    return 'undone'


def _go_on(instance: instances.Instance) -> None:
    """The guest runs as before, also if libvirtd died in between."""
    was = model.Power(instance.operation.data['was'])
    if instance.domain is None or was is model.Power.SHUTOFF:
        return
    try:
        memory.go_on(instance.domain, was)
    except exception.LibvirtFailed as error:
        LOG.error('%(domain)s was stopped by an interrupted snapshot and '
                  'does not go on: %(error)s',
                  {'domain': instance.name, 'error': error})


def _finish(instance: instances.Instance, frozen_at: float | None = None,
            in_view: bool = False) -> model.Snapshot:
    """Give the tags their name.

    :param frozen_at: the moment; unless known, that of the first record.
    :param in_view: whether libvirt lists it already, as it should.
    """
    state = instance.state
    snapshot = state_file.to_snapshot(instance.operation.data['snapshot'])
    if frozen_at is not None:
        snapshot = dataclasses.replace(snapshot, frozen_at=frozen_at)
    instance.finish('committed', current=snapshot.id, snapshots=dict(
        state.snapshots) | {snapshot.id: snapshot})
    if not in_view:
        view.sync(instance)
    return snapshot
