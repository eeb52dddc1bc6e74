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

"""Which instances can have local snapshots, and be put back to them."""

import os
from typing import Any
from xml.etree import ElementTree as ET

from nova.virt.libvirt import utils as libvirt_utils

from snapdriver.nova import engine as engines


def unfit(engine: engines.Engine, instance: Any, guest: Any) -> str | None:
    """Why an instance cannot have local snapshots; None if it can.

    :param guest: a ``nova.virt.libvirt.guest.Guest``.
    """
    file, kind = libvirt_utils.find_disk(guest)
    if (os.path.dirname(file) == engine.path(instance.uuid)
            and kind == 'qcow2' and _is_root(os.path.basename(file))
            and not _is_encrypted(guest, file)):
        return None
    return ('its root disk is not a qcow2 file in its own directory (it is a '
            'volume, raw, LVM, RBD or encrypted)')


def _is_root(file: str) -> bool:
    return file == 'disk' or file.startswith('disk.layer-')


def _is_encrypted(guest: Any, file: str) -> bool:
    return any(source.get('file') == file
               and source.find('encryption') is not None for source
               in ET.fromstring(guest.get_xml_desc()).findall(
                   './devices/disk/source'))


def unrevertible(instance: Any) -> str | None:
    """Why nova-api would refuse a rebuild; None if it would not.

    ``nova.compute.api.API.rebuild``: vTPM secrets, shares and accelerator
    profiles forbid it.
    """
    specs = instance.flavor.extra_specs
    if 'hw:tpm_version' in specs:
        return 'the server has a vTPM'
    if 'accel:device_profile' in specs:
        return 'the server has an accelerator'
    return None
