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

"""Which of a domain's disks are ours, and where each of them stands."""

from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import os

from snapdriver import chain
from snapdriver import domain as domains
from snapdriver import domainxml
from snapdriver import exception
from snapdriver import instance as instances
from snapdriver import model
from snapdriver import naming
from snapdriver import qcow2


@dataclasses.dataclass(frozen=True, slots=True)
class Found:
    """A disk of ours as the domain has it now.

    :ivar disk: as the state has it, or would have it: its size up to date.
    :ivar layer: the layer that the domain writes.
    :ivar new: the state does not know it yet.
    :ivar source: the path that libvirt knows it by.
    """

    disk: model.Disk
    layer: model.Layer
    new: bool
    source: str


@dataclasses.dataclass(frozen=True, slots=True)
class Survey:
    """:ivar xml: the domain's XML that it was read from; holds secrets.
    :ivar left_out: target of each other disk, and why.
    :ivar problems: why a verb must be refused, each with the way out.
    """

    xml: str
    ours: Mapping[str, Found]
    left_out: Mapping[str, str]
    problems: Sequence[str]

    def pick(self, wanted: Sequence[str], domain: str) -> dict[str, Found]:
        """The disks of those targets or file names; all if none is given.

        :raises DiskNotFound: there is no such disk of ours.
        """
        if not wanted:
            return dict(self.ours)
        picked = {}
        for name in wanted:
            for found in self.ours.values():
                if name in (found.disk.name, found.disk.target):
                    picked[found.disk.name] = found
                    break
            else:
                raise exception.DiskNotFound(
                    domain=domain, disk=name[:80], disks=', '.join(
                        sorted(f.disk.target for f in self.ours.values()))
                    or 'none')
        return picked


def survey(instance: instances.Instance, domain: domains.Domain,
           power: model.Power) -> Survey:
    """Look at every disk of the domain.

    :raises UnsafeFile, UnsafeImage: a file in the directory is not what it
        should be.
    """
    running = power is not model.Power.SHUTOFF
    xml = domain.live_xml() if running else domain.defined_xml()
    ours: dict[str, Found] = {}
    left_out: dict[str, str] = {}
    problems: list[str] = []
    disks = domainxml.parse_disks(xml)
    qemu = domain.qemu_disks(disks) if running else {}
    for element in disks:
        reason = element.unfit(instance.directory.path)
        if reason is not None:
            left_out[element.target] = reason
            continue
        if running and element.target not in qemu:
            problems.append(f'QEMU does not have disk {element.target}; '
                            'look at the domain by "virsh domblklist"')
            continue
        now = qemu.get(element.target)
        problem = None if now is None else _difference(element, now)
        if problem is not None:
            problems.append(problem)
            continue
        try:
            found = _find(instance, element, now)
        except _Stranger as stranger:
            problems.append(str(stranger))
        else:
            ours[found.disk.name] = found
    return Survey(xml=xml, ours=ours, left_out=left_out, problems=problems)


#: The file that QEMU writes for a disk, and its virtual size in bytes.
_Qemu = tuple[str, int]


class _Stranger(Exception):
    """A disk stands on a file that we did not make."""


def _find(instance: instances.Instance, element: domainxml.DiskElement,
          qemu: _Qemu | None) -> Found:
    """:param qemu: what QEMU writes, if the domain runs."""
    source = element.source or ''
    file = os.path.basename(source)
    if file.endswith(naming.RESCUE_SUFFIX):
        raise _Stranger(f'disk {element.target} is {file}: the server is '
                        'being rescued; unrescue it first')
    name = domainxml.disk_name(source, instance.layer_disks())
    if name not in instance.state.disks:
        return _new(instance, element, qemu)
    disk = instance.state.disks[name]
    layer = instance.state.layers[disk.active]
    check_files(instance, layer)
    if qemu is not None and not instance.directory.same(file, layer.file):
        raise _Stranger(
            f'disk {element.target} is written to {file}, which is not the '
            f'active layer {layer.file}: run "snapdriver domain check"')
    if qemu is None:  # whatever its name, settle makes it the active layer
        size = check_header(instance, disk, layer).size
    else:
        size = qemu[1]
    return Found(
        disk=dataclasses.replace(disk, target=element.target,
                                 size=max(size, disk.size)),
        layer=layer, new=False, source=source)


def _new(instance: instances.Instance, element: domainxml.DiskElement,
         qemu: _Qemu | None) -> Found:
    source = element.source or ''
    name = os.path.basename(source)
    if naming.is_layer_file(name) or not _is_first(instance, element.target):
        raise _Stranger(
            f'disk {element.target} stands on {name}, which snapdriver did '
            'not make: "snapdriver domain adopt" takes it over')
    instance.directory.regular(name)
    base, base_format = _base(instance, element, qemu is not None)
    layer_id = naming.new_layer_id()
    layer = model.Layer(
        id=layer_id, disk=name, file=naming.layer_file(name, layer_id),
        format='qcow2', parent=None, created_at=0.0)
    return Found(
        disk=model.Disk(
            name=name, target=element.target, base=base,
            base_format=base_format, active=layer_id,
            size=instance.header(name).size if qemu is None else qemu[1],
            mode=instance.directory.mode(name)),
        layer=layer, new=True, source=source)


def check_files(instance: instances.Instance, layer: model.Layer) -> None:
    """See that QEMU would open our files, from that layer down.

    :raises UnsafeFile: one of them is a link, or no file.
    """
    layers = instance.state.layers
    for identity in chain.to_base(layers, layer.id):
        instance.directory.regular(layers[identity].file)


def check_header(instance: instances.Instance, disk: model.Disk,
                 layer: model.Layer) -> qcow2.Header:
    """The header of a layer that no running QEMU writes.

    :raises UnsafeImage: it names another file than we put there.
    """
    header = instance.header(layer.file)
    check_backing(instance, disk, layer, header)
    return header


def check_backing(instance: instances.Instance, disk: model.Disk,
                  layer: model.Layer, header: qcow2.Header) -> None:
    """As :func:`check_header`, of a header that was read already."""
    expected = (disk.base if layer.parent is None
                else instance.state.layers[layer.parent].file)
    found = header.backing_file
    if found is not None and layer.parent is None:
        found = os.path.normpath(os.path.join(instance.directory.path, found))
    reason = None
    if header.data_file:
        reason = 'its header names an external data file'
    elif found != expected:
        reason = (f'its header names the backing file {found}, and '
                  f'{expected} is recorded')
    if reason is not None:
        raise exception.UnsafeImage(
            path=instance.directory.path_of(layer.file), reason=reason)


def _is_first(instance: instances.Instance, target: str) -> bool:
    """Whether no disk of that target is known under another file name."""
    return all(disk.target != target or instance.directory.stat(disk.name)
               is None for disk in instance.state.disks.values())


def _base(instance: instances.Instance, element: domainxml.DiskElement,
          running: bool) -> tuple[str | None, str | None]:
    """Path and format of the image below a disk that is new to us."""
    name = os.path.basename(element.source or '')
    if running:  # QEMU has it open and libvirt knows what is below
        base, base_format = (*element.backing, (None, None))[0]
    else:
        header = instance.header(name)
        base, base_format = header.backing_file, header.backing_format
        unsafe = ('it names an external data file' if header.data_file
                  else 'it is encrypted' if header.encrypted else None)
        if unsafe:
            raise exception.UnsafeImage(
                path=instance.directory.path_of(name), reason=unsafe)
    if base is not None:
        base = os.path.normpath(os.path.join(instance.directory.path, base))
        if (os.path.dirname(base) == instance.directory.path
                and instance.has_own_directory):
            raise _Stranger(
                f'{name} is an overlay on {os.path.basename(base)}, which '
                'snapdriver did not make: "snapdriver domain adopt" takes '
                'it over')
        check_base(instance, name, base, base_format)
    return base, base_format


def check_base(instance: instances.Instance, name: str, base: str,
               base_format: str | None) -> None:
    """:raises UnsafeImage: below a lowest layer is what must not be there."""
    above = os.path.dirname(instance.directory.path)
    allowed = [os.path.normpath(os.path.join(above, directory))
               for directory in instance.options.base_directories]
    if not instance.has_own_directory:
        allowed.append(instance.directory.path)
    where = os.path.dirname(base)
    path = instance.directory.path_of(name)
    if where not in allowed:
        raise exception.UnsafeImage(
            path=path, reason=f'its header names the backing file {base}, '
            f'which lies in none of {", ".join(allowed)} (option '
            '"base_directories")')
    if base_format is None:
        raise exception.UnsafeImage(
            path=path, reason='its header does not tell its backing file\'s '
            'format, and formats are never guessed; record it by "qemu-img '
            'rebase -u -F FORMAT -b FILE" while the domain is off')


def _difference(element: domainxml.DiskElement, qemu: _Qemu) -> str | None:
    written, source = qemu[0], element.source or ''
    if written == source:
        return None
    return (f'QEMU writes disk {element.target} to '
            f'{os.path.basename(written)} and libvirt says '
            f'{os.path.basename(source)}: "snapdriver domain recover" '
            'repairs that')
