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

"""Directories of instances with state files, for what only reads them."""

import os
import types

from snapdriver import directory
from snapdriver import instance as instances
from snapdriver import state as state_file
from tests.unit import base

BLOCK = 4096


class Engine:
    """As the driver's, over a directory of a test."""

    def __init__(self, root):
        self._root = root
        self.options = types.SimpleNamespace(host='one')

    def path(self, uuid):
        return os.path.join(self._root, uuid)

    def uuids(self):
        return [uuid for uuid, _ in instances.state_paths(self._root)]

    def size(self, uuid, file):
        return os.stat(os.path.join(self.path(uuid), file)).st_blocks * 512


class InstancesTestCase(base.TestCase):
    def setUp(self):
        super().setUp()
        self.root = self.make_path()
        self.engine = Engine(self.root)

    def save(self, state, **blocks):
        """Write a state, and a file for each layer.

        :param blocks: layer's id to the number of blocks that it occupies.
        """
        path = self.engine.path(state.uuid)
        for each in (path, os.path.join(path, instances.FOLDER)):
            os.makedirs(each, mode=0o755, exist_ok=True)
            os.chown(each, base.OWNER, base.OWNER)
        where = directory.Directory(os.path.join(path, instances.FOLDER))
        self.addCleanup(where.close)
        state_file.save(where, state)
        for layer in state.layers.values():
            with open(os.path.join(path, layer.file), 'wb') as file:
                file.write(b'x' * BLOCK * blocks.get(layer.id, 1))
                os.fsync(file.fileno())

    def spoil(self, uuid):
        """Cut a state file off."""
        os.truncate(os.path.join(self.engine.path(uuid), instances.FOLDER,
                                 state_file.FILE), 10)
