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

"""What virsh shows: libvirt's snapshot metadata, a view of our state.

It is dropped and described again at any time (invariant I2). It goes before
every undefine, which libvirt refuses otherwise, and comes back after the
define (invariant I5).
"""

import os

from oslo_log import log as logging

from snapdriver import chain
from snapdriver import domain as domains
from snapdriver import domainxml
from snapdriver import exception
from snapdriver import instance as instances
from snapdriver import model
from snapdriver import naming

LOG = logging.getLogger(__name__)
_MAX_XML = 4 << 20


def is_current(instance: instances.Instance, names: set[str]) -> bool:
    """Whether libvirt lists our snapshots, and the same one as current.

    :param names: of all that it lists.
    """
    state, domain = instance.state, instance.domain
    if domain is None or names != {s.name for s in state.snapshots.values()}:
        return False
    return (state.current is None
            or state.snapshots[state.current].name
            == domain.current_snapshot())


def sync(instance: instances.Instance) -> None:
    """Make libvirt's list of our snapshots what the state says.

    Snapshots that others made are left alone. A failure is logged: the view
    can be made again, and no verb fails for it.
    """
    domain = instance.domain
    if domain is None or not domain.is_persistent():
        return
    try:
        _sync(instance, domain)
    except exception.LibvirtFailed as error:
        LOG.warning('virsh does not show the snapshots of %(domain)s as they '
                    'are: %(error)s', {'domain': domain.name, 'error': error})


def _sync(instance: instances.Instance, domain: domains.Domain) -> None:
    state = instance.state
    ordered = chain.parents_first(state.snapshots)
    if not ordered:
        return
    described = {element.name: element for element in map(
        domainxml.parse_snapshot, domain.snapshot_xmls())}
    current = domain.current_snapshot()
    recorded = set(instance.make_folder().names())
    wrong: dict[str, model.Snapshot] = {}
    for snapshot in ordered:
        parent = (None if snapshot.parent is None
                  else state.snapshots[snapshot.parent].name)
        element = described.get(snapshot.name)
        if (snapshot.parent in wrong or element is None
                or element.parent != parent
                or xml_file(snapshot.id) not in recorded
                or (snapshot.id == state.current
                    and snapshot.name != current)
                or _is_stale(instance, snapshot, element)):
            wrong[snapshot.id] = snapshot
    # libvirt compares a description with the one that it replaces, down to
    # the CPU; it does not if there is none. Children go first.
    for snapshot in reversed(wrong.values()):
        domain.forget_snapshot(snapshot.name)
    for snapshot in wrong.values():
        domain.redefine_snapshot(describe(instance, snapshot),
                                 snapshot.id == state.current)


def _is_stale(instance: instances.Instance, snapshot: model.Snapshot,
              element: domainxml.SnapshotElement) -> bool:
    """Whether libvirt names a frozen file as it was called before."""
    own = {instance.directory.path_of(instance.state.layers[p.layer].file)
           for p in snapshot.disks.values()}
    return (not set(element.frozen.values()) <= own
            or bool(element.internal) != domainxml.is_internal(snapshot))


def drop(instance: instances.Instance, names: list[str]) -> None:
    """Make libvirt forget snapshots of those names."""
    if instance.domain is not None:
        for name in names:
            instance.domain.forget_snapshot(name)


def describe(instance: instances.Instance, snapshot: model.Snapshot,
             xml: str | None = None, inactive: str | None = None) -> str:
    """The snapshot's XML, as virDomainSnapshotGetXMLDesc would give it.

    :param xml: instead of the domain as it was at that moment.
    :param inactive: what it shall be defined as after a revert.
    """
    state = instance.state
    parent = (None if snapshot.parent is None
              else state.snapshots[snapshot.parent].name)
    own = {}
    domain_xml = xml or saved_xml(instance, snapshot)
    overlays, others = {}, []
    for element in domainxml.parse_disks(domain_xml):
        name = _disk_name(instance, element.source or '-')
        point = snapshot.disks.get(name)
        if point is None or element.unfit(instance.directory.path):
            others.append(element.target)
        else:
            own[element.source or ''] = instance.directory.path_of(
                state.layers[point.layer].file)
            # libvirt wants a file; a safety snapshot never had an overlay
            overlays[element.target] = instance.directory.path_of(
                point.overlay or f'{name}.layer-none')
    name = (instance.domain.name if instance.domain is not None
            else instance.name)
    return domainxml.known_snapshot(
        snapshot, parent, overlays, others, name,
        domainxml.with_sources(domain_xml, own),
        None if inactive is None else domainxml.with_sources(inactive, own))


def _disk_name(instance: instances.Instance, source: str) -> str:
    """The disk whose layer that file is, or was before it was merged."""
    merged = naming.parse_layer_file(os.path.basename(source))
    if merged is not None:
        return merged[0]
    return domainxml.disk_name(source, instance.layer_disks())


def xml_file(snapshot_id: str) -> str:
    return f'{snapshot_id}.xml'


def definition_file(snapshot_id: str) -> str:
    """Where its definition is, if the snapshot has the memory.

    Of a CPU, say, the XML of a running domain tells what it came to, and
    the definition what was asked for.
    """
    return f'{snapshot_id}.defined.xml'


def saved_definition(instance: instances.Instance,
                     snapshot: model.Snapshot) -> str | None:
    """Its definition at that moment; None if that was lost, or not kept."""
    folder, name = instance.make_folder(), definition_file(snapshot.id)
    if folder.stat(name) is None or folder.stat(
            xml_file(snapshot.id)) is None:
        return None
    xml = folder.read(name, _MAX_XML).decode()
    return xml if domainxml.is_domain(xml) else None


def saved_xml(instance: instances.Instance,
              snapshot: model.Snapshot) -> str:
    """The domain as it was at that moment; holds secrets.

    If that was lost, it is written anew from the domain as it is today: our
    own verbs need of it only what virsh shows.
    """
    folder, name = instance.make_folder(), xml_file(snapshot.id)
    if folder.stat(name) is not None:
        xml = folder.read(name, _MAX_XML).decode()
        if domainxml.is_domain(xml):
            return xml
    if instance.domain is None:
        raise exception.FileMissing(path=folder.path_of(name))
    LOG.warning('%(file)s is gone, or was cut off; it is written anew from '
                'the definition of today', {'file': folder.path_of(name)})
    xml = instance.domain.defined_xml()
    folder.unlink(definition_file(snapshot.id))  # of another machine
    folder.replace_file(name, xml.encode())
    return xml
