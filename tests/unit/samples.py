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

"""Layers, snapshots and a state with something in every field."""

from typing import Any

from snapdriver import model
from snapdriver import naming

UUID = '11111111-2222-3333-4444-555555555555'
A, B, C, D = (letter * 8 for letter in 'abcd')
E0, E1 = 'e0000000', 'e0000001'
S1 = '00000000-0000-4000-8000-000000000001'
S2 = '00000000-0000-4000-8000-000000000002'
JOB = '00000000-0000-4000-8000-00000000000b'


def layer(identity: str, parent: str | None = None,
          disk: str = 'disk') -> model.Layer:
    return model.Layer(
        id=identity, disk=disk, file=naming.layer_file(disk, identity),
        format='qcow2', parent=parent, created_at=1700000000.25,
        fresh_bytes=196616)


def layers(*found: model.Layer) -> dict[str, model.Layer]:
    return {one.id: one for one in found}


def disk(active: str, name: str = 'disk') -> model.Disk:
    return model.Disk(
        name=name, target='vda', size=1 << 30, base='/srv/_base/0123abcd',
        base_format='raw', active=active)


def snapshot(identity: str, parent: str | None = None, name: str = '',
             frozen_at: float = 1700000001.5,
             **points: str) -> model.Snapshot:
    """:param points: disk name to layer."""
    return model.Snapshot(
        id=identity, name=name or f'snap-{identity[-4:]}', kind='external',
        state='disk-snapshot', parent=parent, created_at=frozen_at,
        frozen_at=frozen_at, consistency=model.Consistency.QUIESCED,
        disks={name: model.Point(layer=layer, size=1 << 30)
               for name, layer in points.items()})


def snapshots(*found: model.Snapshot) -> dict[str, model.Snapshot]:
    return {one.id: one for one in found}


def state(**changes: Any) -> model.State:
    """::

        a <- b <- c (active)    and    e0 <- e1 (active)
        s1   s2                        s2
    """
    second = model.Snapshot(
        id=S2, name='after.upgrade_2', kind='internal', state='running',
        parent=S1, created_at=1700000002.0, frozen_at=1700000002.5,
        consistency=model.Consistency.MEMORY,
        disks={'disk': model.Point(layer=B, size=1 << 30, tag=S2,
                                   overlay=f'disk.layer-{C}'),
               'disk.eph0': model.Point(layer=E0, size=1 << 20)},
        left_out={'vdc': 'it is a volume'}, description='d\u00e9j\u00e0 <vu>',
        properties={'owner': 'tests'}, safety=True)
    values: dict[str, Any] = {
        'uuid': UUID, 'name': 'web', 'host': 'one', 'generation': 7,
        'disks': {'disk': disk(C), 'disk.eph0': disk(E1, 'disk.eph0')},
        'layers': layers(layer(A), layer(B, A), layer(C, B),
                         layer(E0, disk='disk.eph0'),
                         layer(E1, E0, disk='disk.eph0')),
        'snapshots': snapshots(snapshot(S1, disk=A), second),
        'current': S2,
        'operation': model.Operation(
            id=JOB, verb='create', kind='external', phase='planned',
            started_at=1700000003.0, data={'new': {}, 'deep': [1, None]}),
        'jobs': {JOB: model.Job(
            id=JOB, type='commit', disk='disk', started_at=1700000004.0,
            data={'bytes': 5})},
        'own_image': {'image_ref': UUID, 'properties': {'hw': 'q35'}},
    }
    return model.State(**(values | changes))
