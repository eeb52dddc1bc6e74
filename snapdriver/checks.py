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

"""Comparing what is known with what is there; nothing is changed."""

import os
import stat
import time

from snapdriver import chain
from snapdriver import directory
from snapdriver import domainxml
from snapdriver import exception
from snapdriver import instance as instances
from snapdriver import jobs
from snapdriver import merges
from snapdriver import model
from snapdriver import naming
from snapdriver import qcow2
from snapdriver import reunion
from snapdriver import settle
from snapdriver import survey as surveys
from snapdriver import thawing
from snapdriver import view
from snapdriver.backends import internal_tags

Findings = list[model.Finding]
_ERROR, _WARNING, _PENDING = (
    model.Severity.ERROR, model.Severity.WARNING, model.Severity.PENDING)


def check(instance: instances.Instance, deep: bool) -> Findings:
    """Everything that is not as it should be, the worst first."""
    found = _operation(instance) + _thaw(instance)
    if instance.state.operation is not None:
        return found  # half-way, nothing else is as it should be
    for layer in instance.state.layers.values():
        found += _layer(instance, layer)
    found += _bases(instance) + _names(instance) + _strangers(instance)
    found += _records(instance)
    try:
        found += internal_tags.findings(instance)
        if instance.domain is not None:
            found += _domain(instance) + _view(instance)
    except exception.LibvirtFailed as error:
        found.append(model.Finding(
            _WARNING, 'libvirt-failed', instance.name, str(error)))
    found += _pending(instance)
    if deep:
        found += _deep(instance)
    order = list(model.Severity)
    return sorted(found, key=lambda finding: order.index(finding.severity))


def _operation(instance: instances.Instance) -> Findings:
    operation = instance.state.operation
    if operation is None:
        return []
    return [model.Finding(
        _WARNING, 'operation-unfinished', operation.verb,
        f'it was interrupted in phase {operation.phase}; the next verb, or '
        '"snapdriver domain recover", finishes or undoes it')]


def _pending(instance: instances.Instance) -> Findings:
    state = instance.state
    waiting = dict.fromkeys([*chain.hidden(state), *merges.mergeable(state)])
    found = [model.Finding(
        _PENDING, 'merge-pending', state.layers[layer].file,
        f'{instance.held_bytes(layer)} bytes: no external snapshot names it, '
        'and another layer stands on it; "snapdriver domain merge" merges it, '
        'or tells why it has to wait') for layer in waiting]
    return found + [model.Finding(
        _PENDING, f'{job.type}-running', job.disk,
        f'a {job.type} is at work since {time.ctime(job.started_at)}')
        if jobs.is_alive(job) else model.Finding(
            _WARNING, f'{job.type}-dead', job.disk,
            f'a {job.type} was interrupted; "snapdriver domain recover" '
            'clears it up')
        for kind in (jobs.MERGE, jobs.EXPORT, jobs.COPY)
        for job in jobs.of_type(state, kind)]


def _thaw(instance: instances.Instance) -> Findings:
    if thawing.JOB not in instance.state.jobs:
        return []
    return [model.Finding(
        _WARNING, 'thaw-owed', instance.name,
        'its agent did not answer a thaw and may have frozen the guest; '
        '"snapdriver domain recover" tries again')]


def _layer(instance: instances.Instance, layer: model.Layer) -> Findings:
    where, state = instance.directory, instance.state
    try:
        found = where.regular(layer.file)
    except exception.UnsafeFile as error:
        return [model.Finding(
            _ERROR, 'layer-missing' if where.stat(layer.file) is None
            else 'layer-unsafe', layer.file, str(error))]
    mode, result = stat.S_IMODE(found.st_mode), []
    if state.disks[layer.disk].active != layer.id:
        if jobs.of_type(state, jobs.MERGE):
            pass  # it is lifted while it is merged
        elif mode != directory.FROZEN_MODE:
            result.append(model.Finding(
                _WARNING, 'frozen-writable', layer.file,
                f'it is frozen and has mode {mode:04o}: nothing protects '
                f'the snapshots on it; "chmod 0440" it'))
    elif mode & stat.S_IRWXO and layer.fresh_bytes is not None:
        result.append(model.Finding(
            _WARNING, 'world-accessible', layer.file,
            f'it has mode {mode:04o}; "chmod 0600" it'))
    if jobs.of_type(state, jobs.MERGE):
        return result  # QEMU may have switched it, and we not said so yet
    try:
        header = qcow2.read_header(where, layer.file)
        surveys.check_backing(instance, state.disks[layer.disk], layer,
                              header)
    except PermissionError:
        pass  # it is QEMU's; the next verb that needs it takes it back
    except (exception.UnsafeImage, exception.UnsafeFile) as error:
        result.append(model.Finding(
            _ERROR, 'header-differs', layer.file, str(error)))
    return result


def _bases(instance: instances.Instance) -> Findings:
    return [model.Finding(
        _ERROR, 'base-missing', disk.base,
        f'the image below {disk.name} is gone; bring it back from a backup, '
        'or fetch its Glance image again')
        for disk in instance.state.disks.values()
        if disk.base is not None and not os.path.exists(disk.base)]


def _names(instance: instances.Instance) -> Findings:
    if settle.settled(instance):
        return []
    try:
        if not settle.possible(instance):
            return []  # it runs, or is suspended: the time is not now
    except exception.LibvirtFailed:
        return []
    return [model.Finding(
        _WARNING, 'unsettled', disk.name,
        f'it is not the active layer '
        f'{instance.state.layers[disk.active].file}; run "snapdriver domain '
        'settle" before anything opens it by name')
        for disk in instance.state.disks.values()
        if not instance.directory.same(
            disk.name, instance.state.layers[disk.active].file)]


def _strangers(instance: instances.Instance) -> Findings:
    """Files with names that only we give, and no record."""
    known = instance.layer_disks()
    prefixes = tuple(f'{disk}.layer-' for disk in instance.state.disks)
    return [model.Finding(
        _WARNING, 'file-unknown', name,
        'it is named as a layer and no record owns it; if it is none of a '
        'backup\'s, delete it')
        for name in instance.directory.names()
        if prefixes and name.startswith(prefixes) and name not in known]


def _records(instance: instances.Instance) -> Findings:
    if instance.folder is None:
        return []
    return [model.Finding(
        _WARNING, 'record-missing', snapshot.name,
        f'{view.xml_file(snapshot.id)}, which virsh\'s view is made from, is '
        'gone; "snapdriver domain recover" makes another')
        for snapshot in instance.state.snapshots.values()
        if instance.folder.stat(view.xml_file(snapshot.id)) is None
    ] + [model.Finding(
        _WARNING, 'memory-unusable', snapshot.name,
        f'{view.definition_file(snapshot.id)} is gone: its memory cannot be '
        'resumed; revert to it with "--no-memory"')
        for snapshot in instance.state.snapshots.values()
        if snapshot.consistency is model.Consistency.MEMORY
        and instance.folder.stat(view.definition_file(snapshot.id)) is None]


def _domain(instance: instances.Instance) -> Findings:
    domain = instance.domain
    if domain is None:
        return []
    result = []
    running = not domain.is_off()
    known = instance.layer_disks()
    xml = domain.live_xml() if running else domain.defined_xml()
    for disk in domainxml.parse_disks(xml):
        if disk.unfit(instance.directory.path) or disk.source is None:
            continue
        name = domainxml.disk_name(disk.source, known)
        if name in instance.state.disks:
            active = instance.state.layers[
                instance.state.disks[name].active].file
            file = os.path.basename(disk.source)
            stands = file in (name, active) if not running else (
                instance.directory.same(file, active))
            if not stands:
                result.append(model.Finding(
                    _ERROR, 'layer-differs', disk.target,
                    f'the domain is on {file} and the active layer is '
                    f'{active}; stop it and run "snapdriver domain '
                    'settle"'))
        elif (any(known.target == disk.target
                  for known in instance.state.disks.values())
              and _is_overlay(instance, name)):
            result.append(model.Finding(
                _ERROR, 'overlay-unknown', disk.target,
                f'the domain is on {name}, which snapdriver did not make; '
                'stop it and run "snapdriver domain adopt"'))
    if running:
        result += [model.Finding(
            _ERROR, 'qemu-differs', target,
            f'QEMU writes {file} and libvirt does not know it; "snapdriver '
            'domain recover" repairs that')
            for target, file in reunion.differing(instance, domain).items()]
    return result


def _is_overlay(instance: instances.Instance, name: str) -> bool:
    return not name.endswith(naming.RESCUE_SUFFIX) and any(
        name.startswith(f'{disk}.') for disk in instance.state.disks
        if naming.is_disk_name(disk))


def _view(instance: instances.Instance) -> Findings:
    domain, state = instance.domain, instance.state
    if domain is None or not domain.is_persistent():
        return []
    known = {element.name: element.parent for element in map(
        domainxml.parse_snapshot, domain.snapshot_xmls())}
    result = []
    ours = {snapshot.name: None if snapshot.parent is None
            else state.snapshots[snapshot.parent].name
            for snapshot in state.snapshots.values()}
    for name, parent in ours.items():
        if known.get(name, '') != parent:
            result.append(model.Finding(
                _WARNING, 'view-differs', name,
                'virsh does not show it as it is; "snapdriver domain '
                'recover" describes it again'))
    current = (None if state.current is None
               else state.snapshots[state.current].name)
    if current is not None and domain.current_snapshot() != current:
        result.append(model.Finding(
            _WARNING, 'view-differs', current,
            'virsh shows another snapshot as the current one; "snapdriver '
            'domain recover" repairs that'))
    result += [model.Finding(
        _WARNING, 'snapshot-unknown', name,
        'libvirt has it and snapdriver did not make it; "snapdriver domain '
        'adopt" takes it over')
        for name in sorted(set(known) - set(ours))]
    return result


def _deep(instance: instances.Instance) -> Findings:
    if not instance.is_off():
        return [model.Finding(
            _PENDING, 'not-checked', instance.name,
            'its images are in use; stop it to have them checked')]
    result = []
    for layer in instance.state.layers.values():
        try:
            surveys.check_header(
                instance, instance.state.disks[layer.disk], layer)
            report = instance.images.check([
                instance.state.layers[below].file for below
                in chain.to_base(instance.state.layers, layer.id)])
        except exception.SnapdriverError as error:
            result.append(model.Finding(
                _ERROR, 'image-unusable', layer.file, str(error)))
            continue
        if report.get('corruptions'):
            result.append(model.Finding(
                _ERROR, 'image-corrupt', layer.file,
                f'qemu-img check counts {report["corruptions"]} '
                'corruptions'))
        elif report.get('leaks'):
            result.append(model.Finding(
                _WARNING, 'image-leaks', layer.file,
                f'qemu-img check counts {report["leaks"]} leaked clusters, '
                'which cost space and no data'))
    return result
