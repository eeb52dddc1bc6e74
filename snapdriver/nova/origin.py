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

"""What an instance was before it was asked to be rebuilt.

nova-api has overwritten it, an instance that never had a local snapshot has
no state file that keeps it (:mod:`~snapdriver.nova.own_image`), and the
domain names the image below it, which may be another. Nova hands it to its
manager and not to its driver; so it is read there, in the caller.
"""

import sys
import types
from typing import Any

from oslo_utils import strutils

_CALLER = 'rebuild_instance'  # of nova.compute.manager: an RPC method
_IMAGE = 'orig_image_ref'
_METADATA = 'orig_sys_metadata'


def find() -> dict[str, Any] | None:
    """As :func:`own_image.of`; None outside of a rebuild."""
    frame: types.FrameType | None = sys._getframe()
    while frame is not None:
        if frame.f_code.co_name == _CALLER and _METADATA in frame.f_locals:
            return _own(frame.f_locals.get(_IMAGE),
                        frame.f_locals[_METADATA] or {})
        frame = frame.f_back
    return None


def _own(image: str | None, metadata: dict[str, Any]) -> dict[str, Any] | None:
    """The fields are what nova-api makes of an image's properties."""
    kept = {key: value for key, value in metadata.items()
            if key.startswith('image_')}
    if not image or not kept:
        return None
    return {
        'fields': {
            'image_ref': image,
            'kernel_id': kept.get('image_kernel_id') or '',
            'ramdisk_id': kept.get('image_ramdisk_id') or '',
            'os_type': kept.get('image_os_type'),
            'architecture': kept.get('image_architecture'),
            'vm_mode': kept.get('image_vm_mode'),
            'auto_disk_config': strutils.bool_from_string(
                kept.get('image_auto_disk_config'))},
        'metadata': kept}
