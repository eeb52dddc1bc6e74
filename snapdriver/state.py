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

"""The state file: read, checked, and replaced atomically.

``state.json`` is the one truth about names, kinds and the tree (invariant
I2). It is replaced by write, fsync, rename, fsync of the folder, so that a
reader, who takes no lock, sees the old or the new one and never a part.
"""

from collections.abc import Callable
from collections.abc import Mapping
import contextlib
import dataclasses
import functools
import json
import re
import types
import typing
from typing import Any
from typing import TypeVar

from snapdriver import chain
from snapdriver import directory
from snapdriver import exception
from snapdriver import model
from snapdriver import naming

SCHEMA = 1
FILE = 'state.json'
_T = TypeVar('_T')
_MAX_BYTES = 8 << 20
_FIELDS = {cls: tuple(field.name for field in dataclasses.fields(cls))
           for cls in (model.State, model.Disk, model.Layer, model.Snapshot,
                       model.Point, model.Operation, model.Job)}
_YEAR_10000 = 253402300800  # the first moment that datetime cannot show
_TYPES = (model.State, model.Disk, model.Layer, model.Snapshot, model.Point,
          model.Operation, model.Job)
_UUID = re.compile(r'[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}')


def load(folder: directory.Directory) -> model.State | None:
    """The state in that folder; None if there is no file.

    :raises StateTooNew: a newer snapdriver has written it.
    :raises StateError: it is cut off, edited, or not a regular file.
    """
    path = folder.path_of(FILE)
    try:
        raw = folder.read(FILE, _MAX_BYTES)
    except FileNotFoundError:
        return None
    except (OSError, exception.UnsafeFile) as error:
        raise exception.StateError(path=path, reason=str(error)) from error
    return loads(raw, path)


def read(path: str) -> model.State | None:
    """As :func:`load`, of a folder that nobody has open.

    :raises FileNotFoundError: there is no such folder.
    """
    with contextlib.closing(directory.Directory(path)) as folder:
        return load(folder)


def loads(raw: bytes, path: str = FILE) -> model.State:
    """As :func:`load`, from bytes; the path is for messages."""
    try:
        document = json.loads(raw)
        schema = document['schema']
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise exception.StateError(
            path=path, reason=f'it is not what snapdriver writes ({error}); '
            'it may have been cut off') from error
    if type(schema) is not int or schema < 1:
        raise exception.StateError(path=path, reason='its schema is invalid')
    if schema > SCHEMA:
        raise exception.StateTooNew(path=path, schema=schema, known=SCHEMA)
    try:
        state = _state(document)
        _check(state)
    except (ValueError, TypeError, KeyError, AttributeError,
            exception.InvalidName) as error:
        raise exception.StateError(
            path=path, reason=f'it has been edited ({error})') from error
    return state


def save(folder: directory.Directory, state: model.State) -> model.State:
    """Replace the file; returns the state with its new generation."""
    state = dataclasses.replace(state, generation=state.generation + 1)
    data = dumps(state)
    folder.replace_file(FILE, data)
    if state.operation is not None:  # so that its result can be written
        folder.reserve(FILE, 2 * len(data))
    return state


def reserve(folder: directory.Directory, state: model.State) -> None:
    """Hold room for the next save, if there is any: a job's end, say."""
    with contextlib.suppress(OSError):
        folder.reserve(FILE, 2 * len(dumps(state)))


def to_plain(value: Any) -> Any:
    """A dataclass of the model as JSON types, for an operation's data."""
    return json.loads(json.dumps(value, default=_fields))


def to_snapshot(item: Mapping[str, Any]) -> model.Snapshot:
    """The opposite of :func:`to_plain` for a snapshot."""
    return _snapshot(item)


def dumps(state: model.State) -> bytes:
    # No indentation: only so does Python use its fast encoder.
    return json.dumps({'schema': SCHEMA} | _fields(state),
                      default=_fields).encode() + b'\n'


def _fields(value: Any) -> dict[str, Any]:
    """A dataclass of the model as its fields; the encoder asks for each."""
    return {name: getattr(value, name) for name in _FIELDS[type(value)]}


def _state(document: dict[str, Any]) -> model.State:
    operation = document['operation']
    return model.State(
        uuid=document['uuid'], name=document['name'], host=document['host'],
        generation=document['generation'],
        disks=_each(document['disks'], model.Disk),
        layers=_each(document['layers'], model.Layer),
        snapshots={key: _snapshot(item)
                   for key, item in document['snapshots'].items()},
        current=document['current'],
        operation=None if operation is None else model.Operation(**operation),
        jobs=_each(document['jobs'], model.Job),
        own_image=document['own_image'])


def _each(items: dict[str, dict[str, Any]],
          make: Callable[..., _T]) -> dict[str, _T]:
    return {key: make(**item) for key, item in items.items()}


def _snapshot(item: Mapping[str, Any]) -> model.Snapshot:
    item = dict(item)
    item['disks'] = _each(item['disks'], model.Point)
    item['consistency'] = model.Consistency(item['consistency'])
    return model.Snapshot(**item)


def _check(state: model.State) -> None:
    """:raises ValueError: what the state says cannot be so."""
    _require(_fits(model.State)(state), 'a value has another type')
    if not _UUID.fullmatch(state.uuid):
        raise ValueError('bad uuid')
    for key, disk in state.disks.items():
        naming.check_file_name(key)
        _require(disk.name == key and naming.is_disk_name(key),
                 f'disk {key} is called otherwise')
        _require(disk.active in state.layers, f'disk {key} has no layer')
        _require(state.layers[disk.active].disk == key,
                 f'the active layer of {key} is another disk\'s')
        _require(disk.size > 0, f'disk {key} has no size')
        _require(disk.base is None or disk.base.startswith('/'),
                 f'the base of {key} is not an absolute path')
        _require(disk.mode is None or 0 <= disk.mode <= 0o777,
                 f'the mode of {key} is none')
    for key, layer in state.layers.items():
        _require(layer.id == key and naming.is_layer_id(key),
                 f'layer {key} is called otherwise')
        _require(layer.disk in state.disks, f'layer {key} has no disk')
        _require(layer.file == naming.layer_file(layer.disk, key),
                 f'layer {key} has a file of another name')
        _require(layer.format == 'qcow2', f'layer {key} is not qcow2')
    chain.check(state.layers)
    names = {snapshot.name for snapshot in state.snapshots.values()}
    _require(len(names) == len(state.snapshots),
             'two snapshots have one name')
    for key, snapshot in state.snapshots.items():
        _require(bool(_UUID.fullmatch(key)) and snapshot.id == key,
                 f'snapshot {key} is called otherwise')
        naming.check_snapshot_name(snapshot.name)
        _require(snapshot.parent is None
                 or snapshot.parent in state.snapshots,
                 f'snapshot {key} has no such parent')
        for name, point in snapshot.disks.items():
            _require(point.layer in state.layers
                     and state.layers[point.layer].disk == name,
                     f'snapshot {key} points at no layer of {name}')
            if point.overlay is not None:
                naming.check_file_name(point.overlay)
    for key, job in state.jobs.items():
        _require(job.id == key and set(job.data.get('pins', ()))
                 <= set(state.layers), f'job {key} reads no layer')
    active = {disk.active for disk in state.disks.values()}
    _require(not any(layer.parent in active
                     for layer in state.layers.values()),
             'a layer stands on an active one')
    _require(not any(point.tag is None and point.layer in active
                     for snapshot in state.snapshots.values()
                     for point in snapshot.disks.values()),
             'a snapshot points at an active layer')
    if state.operation is not None:
        for layer in state.operation.data.get('new', {}).values():
            naming.check_file_name(layer['file'])
            naming.check_file_name(layer['disk'])
    _require(state.current is None or state.current in state.snapshots,
             'the current snapshot does not exist')
    chain.check_parents({key: snapshot.parent
                         for key, snapshot in state.snapshots.items()})


@functools.cache
def _fits(wanted: Any) -> Callable[[Any], bool]:
    """What tells whether a value, and all in it, has a type of the model.

    Every float of the model is a moment, every integer a size or a count.
    It is made once, as a host's list reads a thousand states.
    """
    if wanted is Any:
        return lambda value: True
    if isinstance(wanted, types.UnionType):
        one, other = map(_fits, typing.get_args(wanted))
        return lambda value: one(value) or other(value)
    if typing.get_origin(wanted) is Mapping:
        item = _fits(typing.get_args(wanted)[1])
        return lambda value: (isinstance(value, dict)
                              and all(map(item, value.values())))
    if wanted is float:
        return lambda value: (type(value) in (int, float)
                              and 0 <= value < _YEAR_10000)
    if wanted is int:
        return lambda value: type(value) is int and 0 <= value < 1 << 63
    if wanted in _TYPES:
        fields = [(name, _fits(one)) for name, one
                  in typing.get_type_hints(wanted).items()]
        return lambda value: type(value) is wanted and all(
            fits(getattr(value, name)) for name, fits in fields)
    return lambda value: type(value) is wanted


def _require(true: bool, otherwise: str) -> None:
    if not true:
        raise ValueError(otherwise)
