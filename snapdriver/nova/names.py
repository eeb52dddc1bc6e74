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

"""What Nova opens by name is the newest data (invariant I1).

Nova writes a domain's XML anew at each start, with the paths of its image
backend (``disk``, ``disk.eph0``). While a guest runs on an overlay these names
are still the frozen layer; :func:`settle` makes them the active layer once it
is off.
"""

import os
from typing import Any
from xml.etree import ElementTree as ET

from nova import exception as nova_exception
from oslo_log import log as logging

from snapdriver.nova import engine as engines

LOG = logging.getLogger(__name__)


def settle(engine: engines.Engine, instance: Any) -> None:
    """After a power-off; a failure is logged, as the start will be refused.

    :param instance: a ``nova.objects.Instance``.
    """
    if engine.knows(instance.uuid):
        with engines.logged('settle the names of its disks', instance):
            engine.manager.settle(instance.uuid)


def require(engine: engines.Engine, instance: Any, xml: str) -> None:
    """Before a domain is defined: each name in its XML is newest data.

    A layer's own name is right, too: a suspended guest resumes on it.

    :param xml: what it is about to be defined as.
    :raises InternalError: it would boot old data; it must not start.
    """
    if not engine.knows(instance.uuid):
        return
    with engines.translated():
        engine.manager.settle(instance.uuid)
        state = engine.state(instance.uuid)
    if state is None:
        return
    path = engine.path(instance.uuid)
    sources = {disk.get('file') for disk
               in ET.fromstring(xml).findall('./devices/disk/source')}
    for disk in state.disks.values():
        active = os.path.join(path, state.layers[disk.active].file)
        name = os.path.join(path, disk.name)
        frozen = {os.path.join(path, layer.file)
                  for layer in state.layers.values()
                  if layer.disk == disk.name} - {active}
        if frozen & sources or (name in sources
                                and not os.path.samefile(name, active)):
            raise nova_exception.InternalError(
                f'{disk.name} of instance {instance.uuid} is not its newest '
                'data, so it was not started; run "snapdriver domain check '
                f'{instance.uuid}" on its host')


def without_chain(engine: engines.Engine, instance: Any, xml: str) -> str:
    """A dumped XML without the chain below the disks of ours.

    libvirt believes ``<backingStore>`` and not the images' headers, and the
    chain will be another by the time that the XML is defined.
    """
    if not engine.knows(instance.uuid):
        return xml
    root = ET.fromstring(xml)
    path = engine.path(instance.uuid)
    found = [(disk, chain) for disk in root.findall('./devices/disk')
             for chain in disk.findall('backingStore')
             if os.path.dirname(_source(disk)) == path]
    for disk, chain in found:
        disk.remove(chain)
    return ET.tostring(root, encoding='unicode') if found else xml


def _source(disk: ET.Element) -> str:
    source = disk.find('source')
    return '' if source is None else source.get('file', '')
