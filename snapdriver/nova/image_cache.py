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

"""Nova's image cache manager, which sees through chains of layers."""

import os
from typing import Any

from nova.virt.libvirt import imagecache

from snapdriver.nova import disk_info
from snapdriver.nova import engine as engines


class ImageCacheManager(imagecache.ImageCacheManager):
    """The stock one asks qemu-img for the backing file of each ``disk``.

    That would be a layer, or may not be read, which ends the whole pass.
    """

    def __init__(self, engine: engines.Engine) -> None:
        super().__init__()
        self._engine = engine

    def _list_backing_images(self) -> Any:
        ours = {name for name in self.instance_names
                if self._engine.knows(name)}
        self.instance_names -= ours
        try:
            found = super()._list_backing_images()
        finally:
            self.instance_names |= ours
        for name in ours:
            for base in disk_info.bases(self._engine, name):
                if base not in found and os.path.exists(base):
                    found.append(base)
                if base in self.unexplained_images:
                    self.unexplained_images.remove(base)
        return found
