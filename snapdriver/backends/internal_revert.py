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


"""Reverting to an internal snapshot: which of the three ways it takes.

::

    memory    a (active), tag s1     the guest goes on from the saved moment
    tags      a (active), tag s1     the disks are put back, it boots
    copies    a <- b (active), tag s1 in a: another layer stands on a, so
              what a held is copied into a new layer, and it boots
"""

from collections.abc import Mapping
import re
from typing import NamedTuple

from snapdriver import domain as domains
from snapdriver import exception
from snapdriver import guestview
from snapdriver import instance as instances
from snapdriver import model
from snapdriver import preflight
from snapdriver import qcow2tags
from snapdriver import survey as surveys
from snapdriver import view
from snapdriver.backends import internal_create
from snapdriver.backends import internal_preflight
from snapdriver.backends import internal_tags
from snapdriver.backends import materialise
from snapdriver.backends import memory_revert
from snapdriver.backends import safety_names
from snapdriver.backends import tag_revert


class _Todo(NamedTuple):
    """:ivar safety: the plan of the safety snapshot; None for none."""

    request: model.RevertRequest
    memory: bool
    power: model.Power
    sizes: Mapping[str, int]
    domain: domains.Domain
    safety: model.Plan | None


def plan(instance: instances.Instance,
         request: model.RevertRequest) -> model.Plan:
    """See :meth:`snapdriver.backends.base.Backend.plan_revert`."""
    target = request.snapshot
    if any(instance.state.disks[name].active != point.layer
           for name, point in target.disks.items()):
        return materialise.plan(instance, request)
    domain, was, _, refusals = preflight.look(instance)
    if refusals:
        return _plan(instance, request, refusals)
    survey = surveys.survey(instance, domain, was)
    refusals += survey.problems
    if was is not model.Power.SHUTOFF:
        refusals += preflight.of_block_jobs(domain, survey)
    if not domain.is_persistent():
        refusals.append('it is transient and would vanish when stopped; '
                        'define it by "virsh define"')
    refusals += [f'disk {name} of the snapshot is not attached; attach it '
                 'again' for name in target.disks if name not in survey.ours]
    if not refusals:
        refusals += preflight.of_privileges(instance, dict(survey.ours))
        refusals += _of_tags(instance, target)
    memory = (target.consistency is model.Consistency.MEMORY
              and request.memory
              and request.power is not model.Power.SHUTOFF)
    if memory and not refusals:
        refusals += _of_machine(instance, domain, survey, target)
    safety = None
    if (request.safety and not refusals
            and not _is_unchanged(instance, survey, was)):
        safety = internal_create.plan(
            instance, safety_names.request(instance.state, request),
            safety=True)
        refusals += [f'no safety snapshot can be made of what is active: '
                     f'{reason}; or revert without one'
                     for reason in safety.refusals]
    return _plan(instance, request, refusals, _Todo(
        request=request, memory=memory, domain=domain, safety=safety,
        power=request.power or (model.Power(target.state) if memory else was),
        sizes={name: found.disk.size for name, found in survey.ours.items()
               if name in target.disks}))


def _plan(instance: instances.Instance, request: model.RevertRequest,
          refusals: list[str], todo: _Todo | None = None) -> model.Plan:
    target, notes = request.snapshot, []
    if todo is not None:
        notes.append(
            'what is active now is kept as a safety snapshot'
            if todo.safety is not None else 'nothing was written since the '
            'last snapshot: no safety snapshot is needed' if request.safety
            else 'all that was written since the last snapshot is lost')
        notes.append(
            'the guest goes on from the saved moment' if todo.memory
            else 'the disks are put back; the memory is not resumed'
            if target.consistency is model.Consistency.MEMORY
            else 'the disks are put back')
    return model.Plan(
        verb='revert', domain=instance.name, snapshots=(target.name,),
        kind=target.kind, refusals=tuple(refusals), notes=tuple(notes),
        bytes=todo.safety.bytes if todo and todo.safety else 0,
        left_out=dict(target.left_out), data=todo,
        pause='the guest is stopped, and is as it was at the snapshot')


def revert(instance: instances.Instance,
           plan: model.Plan) -> model.Snapshot | None:
    """See :meth:`snapdriver.backends.base.Backend.revert`."""
    if isinstance(plan.data, materialise.Todo):
        return materialise.revert(instance, plan.data)
    todo: _Todo = plan.data
    safety = None
    if todo.safety is not None:  # complete before the revert begins
        safety = internal_create.create(instance, todo.safety)
    target = todo.request.snapshot
    if todo.memory:
        memory_revert.revert(instance, todo.domain, target, todo.power,
                             safety is not None)
    else:
        tag_revert.revert(instance, todo.domain, target, todo.power,
                          todo.sizes, safety is not None)
    return safety


def _of_tags(instance: instances.Instance,
             target: model.Snapshot) -> list[str]:
    """QEMU fails, with the guest off by then, if a tag is missing."""
    files = {name: instance.state.layers[point.layer].file
             for name, point in target.disks.items()}
    found = internal_tags.of_active(instance, files)
    return [f'{files[name]} has {found[name].count(point.tag or "")} tags '
            f'{point.tag} and should have one; see "snapdriver domain check"'
            for name, point in target.disks.items()
            if found[name].count(point.tag or '') != 1]


def _of_machine(instance: instances.Instance, domain: domains.Domain,
                survey: surveys.Survey, target: model.Snapshot) -> list[str]:
    """Memory fits only the machine that it was saved on."""
    if re.fullmatch('[0-9]{1,9}', target.name):
        return ['QEMU would take its name for the number of another internal '
                'snapshot; revert without memory']
    definition = view.saved_definition(instance, target)
    if definition is None:
        return ['the record of the machine whose memory was saved is gone; '
                'revert without memory ("--no-memory")']
    if internal_preflight.is_like_an_id(target.name) or any(
            point.tag != target.name for point in target.disks.values()):
        return ['its tags have a name that is not allowed, and libvirt finds '
                'memory by its name only; revert without memory '
                '("--no-memory")']
    found = guestview.differences(
        view.saved_xml(instance, target), definition, domain.defined_xml())
    found += [f'disk {ours.disk.target} has {ours.disk.size} bytes and had '
              f'{target.disks[name].size}'
              for name, ours in survey.ours.items() if name in target.disks
              and ours.disk.size != target.disks[name].size]
    return [f'the machine is not as it was when its memory was saved '
            f'({"; ".join(found)}); put that back, or revert without memory '
            '("--no-memory")'] if found else []


def _is_unchanged(instance: instances.Instance, survey: surveys.Survey,
                  was: model.Power) -> bool:
    """Whether the current snapshot has all that is active, for sure."""
    current = instance.state.snapshots.get(instance.state.current or '')
    if current is None or was is not model.Power.SHUTOFF:
        return False
    for name, found in survey.ours.items():
        point = current.disks.get(name)
        if (point is None or point.tag is None or found.new
                or point.layer != found.layer.id):
            return False
        try:
            if not qcow2tags.is_unchanged_since(
                    instance.directory, found.layer.file, point.tag):
                return False
        except (PermissionError, exception.UnsafeImage):
            return False
    return True
