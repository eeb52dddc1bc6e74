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

"""One instance: its directory, its state, its domain if there is one."""

from collections.abc import Iterator
import contextlib
import dataclasses
import os
import re
import time
from typing import Any
import uuid

from oslo_config import cfg

from snapdriver import chain
from snapdriver import conf as options
from snapdriver import directory
from snapdriver import domain as domains
from snapdriver import exception
from snapdriver import journal
from snapdriver import locks
from snapdriver import model
from snapdriver import naming
from snapdriver import qcow2
from snapdriver import qemuimg
from snapdriver import state as state_file

FOLDER = 'snapdriver'
_UUID = re.compile(r'[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}')


class Instance:
    """What every verb works on. Writes only with the lock held.

    :param load: whether to read the state at once.
    :ivar directory: where the disks lie.
    :ivar folder: where the state lies; None until the first verb.
    :ivar domain: None if libvirt has none, or cannot be asked.
    :ivar lock: the lock that the running verb holds; None if it only looks.
    """

    def __init__(self, conf: cfg.ConfigOpts, path: str, identity: str,
                 name: str, domain: domains.Domain | None,
                 load: bool = True) -> None:
        self.conf = conf
        self.options: Any = options.options(conf)
        self.uuid = identity
        self.name = name
        self.domain = domain
        self.lock: locks.InstanceLock | None = None
        self.directory = directory.Directory(path)
        self.folder: directory.Directory | None = None
        self._state: model.State | None = None
        self._unlinked: list[int] = []
        try:
            self._open_folder(make=False)
            if load:
                self.load()
        except BaseException:
            self.close()
            raise

    @property
    def images(self) -> qemuimg.Images:
        return qemuimg.Images(self.directory, self.conf)

    def close(self) -> None:
        self._free()
        self.directory.close()
        if self.folder is not None:
            self.folder.close()

    def unlink(self, file: str) -> None:
        """Remove a layer's name; its data goes once the lock is let go.

        A file system needs seconds for that if there is very much of it.
        """
        kept = self.directory.unlink_kept(file)
        if kept is not None:
            self._unlinked.append(kept)

    def _free(self) -> None:
        while self._unlinked:
            os.close(self._unlinked.pop())

    def __enter__(self) -> 'Instance':
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # The state -------------------------------------------------------------

    @property
    def has_own_directory(self) -> bool:
        """As Nova's instances have: named by the domain's UUID."""
        return os.path.basename(self.directory.path) == self.uuid

    def make_folder(self) -> directory.Directory:
        """The state folder, 0700; made if this is the first verb."""
        self._open_folder(make=True)
        if self.folder is None:
            raise FileNotFoundError(self.directory.path)
        return self.folder

    def _open_folder(self, make: bool) -> None:
        if self.folder is not None:
            return
        parts = [FOLDER] if self.has_own_directory else [FOLDER, self.uuid]
        found: directory.Directory | None = self.directory
        for part in parts:
            parent = found
            if parent is None:
                return
            if make:
                found = parent.subdirectory(part)
            elif parent.stat(part) is None:
                found = None
            else:
                found = directory.Directory(parent.path_of(part))
            if parent is not self.directory:
                parent.close()
        self.folder = found

    def load(self) -> None:
        """Read the state again."""
        loaded = None
        if self.folder is not None:
            loaded = state_file.load(self.folder)
        if loaded is not None and loaded.uuid != self.uuid:
            raise exception.StateError(
                path=self.folder.path if self.folder else '',
                reason=f'it is of another instance, {loaded.uuid}')
        self._state = loaded

    @property
    def state(self) -> model.State:
        """What is known; an empty state if there is no file yet."""
        if self._state is None:
            return model.State(uuid=self.uuid, name=self.name,
                               host=self.options.host)
        return self._state

    def save(self, state: model.State) -> None:
        self._state = state_file.save(
            self.make_folder(), dataclasses.replace(state, name=self.name))

    def reserve(self) -> None:
        """Hold room, if there is any, for one more :meth:`save`."""
        state_file.reserve(self.make_folder(), self.state)

    @contextlib.contextmanager
    def unlocked(self) -> Iterator[None]:
        """Within, others may work on the instance: for what takes long.

        A job that is recorded protects what it reads. The state is read
        again at the end.
        """
        if self.lock is None:
            raise RuntimeError('the lock is not held')
        try:
            with self.lock.let_go():
                self._free()
                yield
        finally:
            self.load()

    def require_ours(self) -> None:
        """:raises StateElsewhere: the state file is another host's."""
        if self.state.host != self.options.host:
            raise exception.StateElsewhere(
                path=self.make_folder().path_of(state_file.FILE),
                owner=self.state.host, host=self.options.host)

    # The operation in progress ---------------------------------------------

    def begin(self, verb: str, kind: str, phase: str, data: dict[str, Any],
              **changes: Any) -> None:
        """Write the intent down, before the first act."""
        operation = model.Operation(
            id=str(uuid.uuid4()), verb=verb, kind=kind, phase=phase,
            started_at=time.time(), data=data)
        self.save(dataclasses.replace(
            self.state, operation=operation, **changes))
        journal.reached(verb, phase)

    def advance(self, phase: str, data: dict[str, Any] | None = None,
                **changes: Any) -> None:
        """Write down that a phase is reached, with what it changed.

        :param data: added to the operation's data.
        """
        self._record(phase, data or {}, changes)
        journal.reached(self.operation.verb, phase)

    def note(self, data: dict[str, Any]) -> None:
        """Write down more about the operation, between its phases."""
        self._record(self.operation.phase, data, {})

    def _record(self, phase: str, data: dict[str, Any],
                changes: dict[str, Any]) -> None:
        self.save(dataclasses.replace(
            self.state, **changes, operation=dataclasses.replace(
                self.operation, phase=phase,
                data=dict(self.operation.data) | data)))

    def passed(self, phase: str) -> None:
        """Announce a phase that needs no record of its own."""
        journal.reached(self.operation.verb, phase)

    def finish(self, phase: str | None, **changes: Any) -> None:
        """Write the result down; the operation is over."""
        verb = self.operation.verb
        self.save(dataclasses.replace(self.state, operation=None, **changes))
        if phase is not None:
            journal.reached(verb, phase)

    @property
    def operation(self) -> model.Operation:
        operation = self.state.operation
        if operation is None:
            raise RuntimeError('no operation is in progress')
        return operation

    # The files -------------------------------------------------------------

    def header(self, file: str) -> qcow2.Header:
        """An image's header; the file is taken back from QEMU if need be.

        Only for images that no running QEMU writes.
        """
        try:
            return qcow2.read_header(self.directory, file)
        except PermissionError:
            self.directory.take(file)
            return qcow2.read_header(self.directory, file)

    def layer_disks(self) -> dict[str, str]:
        """File name of each layer to its disk's name.

        With those that the operation in progress is about to add.
        """
        files = {layer.file: layer.disk
                 for layer in self.state.layers.values()}
        if self.state.operation is not None:
            files |= {layer['file']: layer['disk'] for layer
                      in self.state.operation.data.get('new', {}).values()}
        for job in self.state.jobs.values():
            files |= {file: parsed[0] for file in job.data.get('files', ())
                      if (parsed := naming.parse_layer_file(file))}
        return files

    def is_layer(self, disk: str, file: str) -> bool:
        """Whether that name is a link to a layer of that disk."""
        return any(name == disk and self.directory.same(file, layer)
                   for layer, name in self.layer_disks().items())

    def chain_files(self, layer: str) -> list[str]:
        """The files of a layer and of all that it stands on."""
        return [self.state.layers[below].file
                for below in chain.to_base(self.state.layers, layer)]

    def held_bytes(self, layer: str) -> int:
        """Bytes that a layer occupies on the file system."""
        found = self.directory.stat(self.state.layers[layer].file)
        return 0 if found is None else found.st_blocks * 512

    def is_pristine(self, layer: model.Layer) -> bool:
        """Whether nothing was ever written to a layer that we made empty.

        A qcow2 file grows with the first cluster that is written to it.
        """
        found = self.directory.stat(layer.file)
        return (found is not None and layer.fresh_bytes is not None
                and found.st_size == layer.fresh_bytes)

    def power(self) -> model.Power:
        """Shut off, too, if libvirt has no such domain."""
        if self.domain is None:
            return model.Power.SHUTOFF
        return self.domain.power()

    def is_off(self) -> bool:
        """Whether no QEMU runs it: shut off, or unknown to libvirt."""
        return self.power() is model.Power.SHUTOFF


def state_path(path: str, identity: str) -> str:
    """The state file of an instance whose disks lie in that directory."""
    parts = [FOLDER] if os.path.basename(path) == identity else [
        FOLDER, identity]
    return os.path.join(path, *parts, state_file.FILE)


def state_paths(root: str) -> Iterator[tuple[str, str]]:
    """(uuid, directory) of each instance with a state file under a root."""
    for name in os.listdir(root):
        if _UUID.fullmatch(name) and os.path.lexists(
                os.path.join(root, name, FOLDER, state_file.FILE)):
            yield name, os.path.join(root, name)
    shared = os.path.join(root, FOLDER)
    if os.path.isdir(shared):
        for name in os.listdir(shared):
            if _UUID.fullmatch(name) and os.path.lexists(
                    state_path(root, name)):
                yield name, root
