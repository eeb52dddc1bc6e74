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

"""Layers that others have made: found by headers, as records of ours.

::

    base <- disk <- disk.s1 <- disk.s2       files found
            a       b          c             layers that they become

Only what libvirt's snapshots name as an overlay, and what is named as only
we name layers, stands on a layer of the instance. Below that is the base:
nobody's to touch, also if it lies in the same directory (a template).
"""

from collections.abc import Iterable
import dataclasses
import os
import time

from snapdriver import directory
from snapdriver import domainxml
from snapdriver import exception
from snapdriver import instance as instances
from snapdriver import model
from snapdriver import naming
from snapdriver import survey as surveys


@dataclasses.dataclass
class Found:
    """:ivar layers: file name now to the layer that it is or becomes.
    :ivar disks: the domain's disks on those layers.
    """

    layers: dict[str, model.Layer]
    disks: dict[str, model.Disk]

    def by_id(self) -> dict[str, model.Layer]:
        return {layer.id: layer for layer in self.layers.values()}


class Search:
    """Walks from files down to their bases.

    :param snapshots: all that libvirt lists.
    """

    def __init__(self, instance: instances.Instance,
                 snapshots: Iterable[domainxml.SnapshotElement]) -> None:
        self._instance = instance
        self._snapshots = list(snapshots)
        self._overlays = {os.path.basename(path) for s in self._snapshots
                          for path in s.overlays.values()}
        # Of each disk: its base, the format of that, and its permissions.
        self._bottoms: dict[
            str, tuple[str | None, str | None, int | None]] = {}
        self.found = Found({}, {})

    def domain(self, xml: str) -> Found:
        """Everything below the disks of that domain and its snapshots.

        :raises UnsafeImage: a header that names what it must not.
        """
        for element in domainxml.parse_disks(xml):
            if (element.unfit(self._instance.directory.path)
                    or element.source is None):
                continue
            top = self.layer(os.path.basename(element.source))
            base, base_format, mode = self._bottoms[top.disk]
            self.found.disks[top.disk] = model.Disk(
                name=top.disk, target=element.target, base=base,
                base_format=base_format, active=top.id, mode=mode,
                size=self._instance.header(
                    os.path.basename(element.source)).size)
        for snapshot in self._snapshots:
            for path in (*snapshot.frozen.values(),
                         *snapshot.tagged.values()):
                file = os.path.basename(path)
                if (os.path.dirname(path) == self._instance.directory.path
                        and self._instance.directory.stat(file)):
                    self.layer(file)
        return self.found

    def layer(self, file: str, above: tuple[str, ...] = ()) -> model.Layer:
        """What that file is or becomes; with all that is below it."""
        if file in self.found.layers:
            return self.found.layers[file]
        instance = self._instance
        path = instance.directory.path_of(file)
        header = instance.header(file)
        if header.data_file or file in above:
            raise exception.UnsafeImage(
                path=path, reason='it names an external data file'
                if header.data_file else 'it is its own backing file')
        below = None
        backing = header.backing_file and os.path.normpath(
            os.path.join(instance.directory.path, header.backing_file))
        if backing and self._is_overlay(file) and os.path.dirname(
                backing) == instance.directory.path:
            below = self.layer(os.path.basename(backing), (*above, file))
        elif backing:
            surveys.check_base(instance, file, backing,
                               header.backing_format)
        layer = _known(instance, file) or self._new(file, below)
        if below is None:
            self._bottoms[layer.disk] = (
                backing, header.backing_format, self._mode(layer.disk, file))
        self.found.layers[file] = layer
        return layer

    def _mode(self, disk: str, bottom: str) -> int | None:
        """Permissions before the first snapshot; None if nobody knows.

        libvirt leaves them as they are. Ours, when the state file is lost,
        tell nothing of those before.
        """
        known = self._instance.state.disks.get(disk)
        if known is not None:
            return known.mode
        mode = self._instance.directory.mode(bottom)
        ours = (directory.ACTIVE_MODE, directory.FROZEN_MODE)
        return None if mode in ours else mode

    def _is_overlay(self, file: str) -> bool:
        known = _known(self._instance, file)
        return (file in self._overlays or naming.is_layer_file(file)
                or (known is not None and known.parent is not None))

    def _new(self, file: str, below: model.Layer | None) -> model.Layer:
        """A record; a file that is named as ours keeps its name."""
        disk, identity = naming.parse_layer_file(file) or (
            file if below is None else below.disk, naming.new_layer_id())
        return model.Layer(
            id=identity, disk=disk, file=naming.layer_file(disk, identity),
            format='qcow2', parent=None if below is None else below.id,
            created_at=time.time())


def _known(instance: instances.Instance, file: str) -> model.Layer | None:
    return next((layer for layer in instance.state.layers.values()
                 if instance.directory.same(file, layer.file)), None)
