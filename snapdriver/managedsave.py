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

"""A suspended domain: the save image that libvirt resumes it from.

Its XML names the files that the guest had open, and libvirt starts it on
these, whatever the definition says. Where names change under a suspended
domain, that XML has to change with them::

    before   saved on a                      base <- a
    after    saved on b, without a chain     base <- a (frozen) <- b

The guest does not notice: its memory knows nothing of files.
"""

from collections.abc import Mapping

from snapdriver import domainxml
from snapdriver import instance as instances
from snapdriver import model


def is_suspended(instance: instances.Instance) -> bool:
    """Whether the domain is off, and will go on from a save image."""
    return (instance.domain is not None
            and instance.is_off()
            and instance.domain.has_managed_save())


def put_on(instance: instances.Instance,
           active: Mapping[str, model.Layer]) -> None:
    """Let it go on, on those layers, whose headers tell what is below.

    :param active: disk name to layer.
    :raises LibvirtFailed: the save image is as it was.
    """
    domain = instance.domain
    if domain is None:
        return
    xml, known = domain.saved_xml(), instance.layer_disks()
    known |= {layer.file: name for name, layer in active.items()}
    sources = {}
    for disk in domainxml.parse_disks(xml):
        if disk.unfit(instance.directory.path) or disk.source is None:
            continue
        layer = active.get(domainxml.disk_name(disk.source, known))
        if layer is not None:
            sources[disk.source] = instance.directory.path_of(layer.file)
    domain.define_saved(domainxml.with_sources(xml, sources))
