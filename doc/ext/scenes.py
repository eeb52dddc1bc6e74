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

"""The machine that the pictures of the documentation show."""

from collections.abc import Mapping
import dataclasses
import datetime

from snapdriver import chain
from snapdriver import model
from snapdriver import naming
from snapdriver import state as state_file

_NOW = datetime.datetime(2026, 11, 24, 21, 15, tzinfo=datetime.UTC).timestamp()
_A, _B, _C, _D = '91f00adc', '82e3d2f9', '4e0db826', 'afaad455'
_IDS = {name: f'00000000-0000-4000-8000-00000000000{number}'
        for number, name in enumerate(('installed', 'configured', 'safety',
                                       'golden'))}


@dataclasses.dataclass(frozen=True)
class Scene:
    """What is known of a machine at one moment.

    :ivar held: bytes that each layer occupies.
    """

    state: model.State
    held: Mapping[str, int]
    now: float = _NOW

    def held_bytes(self, layer: str) -> int:
        return self.held[layer]


def _layer(identity: str, parent: str | None) -> model.Layer:
    return model.Layer(
        id=identity, disk='disk', file=naming.layer_file('disk', identity),
        format='qcow2', parent=parent, created_at=_NOW)


def _snapshot(name: str, parent: str | None, layer: str, minutes: int,
              **more: object) -> model.Snapshot:
    values = {
        'id': _IDS[name], 'kind': 'external', 'state': 'disk-snapshot',
        'name': f'safety-{int(_NOW) - 1200}' if name == 'safety' else name,
        'parent': parent and _IDS[parent], 'created_at': _NOW - minutes * 60,
        'frozen_at': _NOW - minutes * 60, 'safety': name == 'safety',
        'consistency': model.Consistency.CRASH_CONSISTENT,
        'disks': {'disk': model.Point(layer=layer, size=1 << 30)}}
    return model.Snapshot(**values | more)


def _branch() -> model.State:
    """Two external snapshots, back to the first, and an internal one."""
    return model.State(
        uuid='2d94b7e6-5f13-4a08-b6c9-e07d8a41c352', name='web', host='one',
        disks={'disk': model.Disk(
            name='disk', target='vda', size=1 << 30,
            base='/var/lib/nova/instances/_base/3f2c9b1e',
            base_format='raw', active=_D)},
        layers={layer.id: layer for layer in (
            _layer(_A, None), _layer(_B, _A), _layer(_C, _B),
            _layer(_D, _A))},
        snapshots={snapshot.id: snapshot for snapshot in (
            _snapshot('installed', None, _A, 150),
            _snapshot('configured', 'installed', _B, 65,
                      description='All services are set up'),
            _snapshot('safety', 'configured', _C, 20,
                      description='Before the revert to installed'),
            _snapshot('golden', 'installed', _D, 5, kind='internal',
                      state='running', consistency=model.Consistency.MEMORY,
                      disks={'disk': model.Point(
                          layer=_D, size=1 << 30, tag='golden')}))},
        current=_IDS['golden'])


def scene(name: str) -> Scene:
    """``branch``, or ``deleted``: the same without a snapshot."""
    state = {'branch': _branch,
             'deleted': lambda: chain.drop(_branch(), [_IDS['configured']]),
             }[name]()
    # As it would be read: what cannot be is not in the documentation.
    return Scene(state_file.loads(state_file.dumps(state)), {
        _A: 412 << 20, _B: 38 << 20, _C: 5 << 20, _D: 149 << 20})
