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

"""Every verb in the situations that matter, and its phases there.

A step of a story is written ``s:one`` (create a snapshot), ``i:one`` (create
an internal one), ``m:one`` (write a mark), ``r:one`` (revert, without a safety
snapshot), ``x:one`` (a snapshot by virsh, with names of its own), ``t:one``
(QEMU switched to the overlay of an interrupted create, without libvirt's
knowledge), ``d:one`` (delete the name), ``b:32`` (write that many MiB
elsewhere), ``up`` and ``down`` (power, the guest paused from its first
instruction).
"""

from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import os
from typing import Any

from snapdriver import model


@dataclasses.dataclass(frozen=True)
class World:
    """What an instance holds.

    :ivar active: the mark on its disks.
    :ivar snapshots: name to mark; a safety snapshot is named ``safety``.
    """

    active: str
    snapshots: Mapping[str, str | None]


@dataclasses.dataclass(frozen=True)
class Scenario:
    """A verb in a situation.

    :ivar story: how it comes to it.
    :ivar before: what there is if the verb is undone.
    :ivar after: what there is if it is finished.
    :ivar phases: all that it announces, in this order.
    :ivar modes: all that happens after the death, each at every phase
        if ``EACH_MODE``; else one of them, in turn. Without any, one of
        everything that may happen, in turn.
    :ivar between: what there can be, too, if the verb is undone.
    :ivar overwritten: the phases after which it is finished over whatever
        was written meanwhile.
    """

    name: str
    story: Sequence[str]
    verb: str
    before: World
    after: World
    phases: Sequence[str]
    arguments: Sequence[Any] = ()
    named: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    disks: Sequence[str] = ('disk',)
    modes: Sequence[str] = ()
    between: Sequence[World] = ()
    overwritten: Sequence[str] = ()


#: What happens between the death and ``recover``:
#:  - now: nothing.
#:  - ran: plain libvirt starts the domain (as a host that died too would),
#:    its guest writes, and it is off again.
#:  - runs: plain libvirt has started it, and it runs.
#:  - dies: recover is killed, too, again and again, a phase later each time.
MODES = ('now', 'ran', 'runs', 'dies')
#: "some" is what every change has to pass.
EACH_MODE = os.environ.get('SNAPDRIVER_KILLS', 'all') == 'all'

TWO = ('disk', 'disk.eph0')
_OFF = {'power': model.Power.SHUTOFF}


def _phases(*groups: str) -> tuple[str, ...]:
    """``create planned linked`` as ``create:planned``, ``create:linked``."""
    return tuple(f'{verb}:{phase}' for verb, *phases in map(
        str.split, groups) for phase in phases)


_SETTLE = 'settle defined linked renamed'
_SETTLE_TWO = 'settle defined linked renamed linked renamed'
_CREATE_OFF = ('create planned linked overlaid', _SETTLE,
               'create switched frozen committed')
_CREATE_OFF_TWO = ('create planned linked overlaid', _SETTLE_TWO,
                   'create switched frozen committed')
_CREATE_ON = ('create planned linked overlaid switched frozen committed',)
_REVERT = ('revert planned overlaid stopped', _SETTLE,
           'revert switched frozen committed unlinked started')
_REVERT_TWO = ('revert planned overlaid stopped', _SETTLE_TWO,
               'revert switched frozen committed unlinked started')
_DELETE = ('delete unnamed unlinked committed',)
_MERGED = 'merge recorded started copied switched committed unlinked'
_MERGED_OFF = ('merge recorded started copied', _SETTLE,
               'merge switched committed unlinked')
_MERGED_ON = ('merge recorded started pivoting switched committed',
              'settle linked renamed', 'merge unlinked')
_TAG = 'create planned linked tagged committed'
_APPLY = (_TAG, 'revert planned stopped applying committed unlinked started')
_MEMORY = (_TAG, 'revert planned reverting reverted committed unlinked '
           'started')
_ADOPT = ('adopt planned linked frozen', _SETTLE, 'adopt committed')

_ONE = World('one', {})
_ONE_NAMED = World('one', {'s1': 'one'})
_TREE = ('m:one', 's:s1', 'm:two', 's:s2', 'm:three')
_TREE_WORLD = World('three', {'s1': 'one', 's2': 'two'})
_SAFE = World('one', {'s1': 'one', 's2': 'two', 'safety': 'three'})
_UNSAFE = World('one', {'s1': 'one', 's2': 'two'})
_TAGS = ('m:one', 'i:i1', 'm:two', 'i:i2', 'm:three')
_TAGS_WORLD = World('three', {'i1': 'one', 'i2': 'two'})
_TAGS_KEPT = World('three', {'i1': 'one', 'i2': 'two', 'safety': 'three'})
_TAGS_SAFE = World('one', {'i1': 'one', 'i2': 'two', 'safety': 'three'})
_INTERNAL = {'kind': 'internal'}

SCENARIOS = (
    Scenario('create_off', ('m:one',), 'create', _ONE, _ONE_NAMED,
             _phases(*_CREATE_OFF), ('s1',),
             modes=MODES),
    Scenario('create_off_two_disks', ('m:one',), 'create', _ONE, _ONE_NAMED,
             _phases(*_CREATE_OFF_TWO), ('s1',), disks=TWO),
    Scenario('create_off_second', ('m:one', 's:s1', 'm:two'), 'create',
             World('two', {'s1': 'one'}),
             World('two', {'s1': 'one', 's2': 'two'}),
             _phases(*_CREATE_OFF), ('s2',)),
    Scenario('create_paused', ('m:one', 'up'), 'create', _ONE, _ONE_NAMED,
             _phases(*_CREATE_ON), ('s1',)),
    Scenario('create_paused_two_disks', ('m:one', 's:s1', 'm:two', 'up'),
             'create', World('two', {'s1': 'one'}),
             World('two', {'s1': 'one', 's2': 'two'}),
             _phases(*_CREATE_ON), ('s2',), disks=TWO,
             modes=MODES),
    Scenario('revert_off', _TREE, 'revert', _TREE_WORLD, _SAFE,
             _phases(*_REVERT), ('s1',),
             modes=MODES),
    Scenario('revert_off_unsafe', _TREE, 'revert', _TREE_WORLD, _UNSAFE,
             _phases(*_REVERT), ('s1',), {'safety': False}),
    Scenario('revert_off_two_disks', _TREE, 'revert', _TREE_WORLD, _SAFE,
             _phases(*_REVERT_TWO), ('s1',), disks=TWO),
    Scenario('revert_paused', (*_TREE, 'up'), 'revert', _TREE_WORLD, _SAFE,
             _phases(*_REVERT), ('s1',)),
    Scenario('revert_to_off', (*_TREE, 'up'), 'revert', _TREE_WORLD, _UNSAFE,
             _phases(*_REVERT), ('s1',), {'safety': False, **_OFF}),
    Scenario('delete_only', ('m:one', 's:s1', 'm:two'), 'delete',
             World('two', {'s1': 'one'}), World('two', {}),
             _phases(*_DELETE), (['s1'],)),
    Scenario('delete_middle', _TREE, 'delete', _TREE_WORLD,
             World('three', {'s2': 'two'}), _phases(*_DELETE), (['s1'],)),
    Scenario('delete_current', (*_TREE, 'up'), 'delete', _TREE_WORLD,
             World('three', {'s1': 'one'}), _phases(*_DELETE), (['s2'],),
             modes=MODES),
    Scenario('delete_branch', (*_TREE, 'r:s1'), 'delete', _UNSAFE,
             World('one', {'s1': 'one'}), _phases(*_DELETE), (['s2'],)),
    Scenario('delete_all', _TREE, 'delete', _TREE_WORLD, World('three', {}),
             _phases(*_DELETE), ([],), {'everything': True}),
    Scenario('delete_all_two_disks', (*_TREE, 'up'), 'delete', _TREE_WORLD,
             World('three', {}), _phases(*_DELETE), ([],),
             {'everything': True}, disks=TWO),
    Scenario('settle', ('m:one', 'up', 's:s1', 'down', 'm:two'), 'settle',
             World('two', {'s1': 'one'}), World('two', {'s1': 'one'}),
             _phases(_SETTLE),
             modes=MODES),
    Scenario('settle_two_disks', ('m:one', 'up', 's:s1', 'down', 'm:two'),
             'settle', World('two', {'s1': 'one'}),
             World('two', {'s1': 'one'}), _phases(_SETTLE_TWO), disks=TWO),
    Scenario('adopt', ('m:one', 'x:x1', 'm:two', 'x:x2', 'm:three'), 'adopt',
             World('three', {}), World('three', {'x1': 'one', 'x2': 'two'}),
             _phases(*_ADOPT),
             modes=MODES),
    Scenario('merge_off_middle', (*_TREE, 'd:s1'), 'merge',
             World('three', {'s2': 'two'}), World('three', {'s2': 'two'}),
             _phases(_MERGED)),
    Scenario('merge_off_down', ('m:one', 's:s1', 'm:two', 'b:32', 's:s2',
                                'm:three', 'd:s2'), 'merge',
             World('three', {'s1': 'one'}), World('three', {'s1': 'one'}),
             _phases(*_MERGED_OFF), modes=('now', 'ran')),
    Scenario('merge_off_up', ('s:s1', 'm:one', 's:s2', 'm:two', 'b:32',
                              'd:s2'), 'merge',
             World('two', {'s1': None}), World('two', {'s1': None}),
             _phases(_MERGED)),
    Scenario('merge_on_middle', (*_TREE, 'd:s1', 'up'), 'merge',
             World('three', {'s2': 'two'}), World('three', {'s2': 'two'}),
             _phases(_MERGED)),
    Scenario('merge_on_down', ('m:one', 's:s1', 'm:two', 'b:32', 's:s2',
                               'm:three', 'd:s2', 'up'), 'merge',
             World('three', {'s1': 'one'}), World('three', {'s1': 'one'}),
             _phases(*_MERGED_ON), modes=MODES),
    Scenario('merge_on_up', ('s:s1', 'm:one', 's:s2', 'm:two', 'b:32',
                             'd:s2', 'up'), 'merge',
             World('two', {'s1': None}), World('two', {'s1': None}),
             _phases(_MERGED)),
    Scenario('merge_branch', (*_TREE, 'r:s1', 'm:four', 's:s3', 'd:s1',
                              'd:s2', 'up'), 'merge',
             World('four', {'s3': 'four'}), World('four', {'s3': 'four'}),
             _phases(_MERGED)),
    Scenario('tag_off', ('m:one',), 'create', _ONE,
             World('one', {'i1': 'one'}), _phases(_TAG), ('i1',), _INTERNAL,
             disks=TWO, modes=MODES),
    Scenario('tag_paused', ('m:one', 'up'), 'create', _ONE,
             World('one', {'i1': 'one'}), _phases(_TAG), ('i1',), _INTERNAL,
             disks=TWO, modes=MODES),
    Scenario('tag_revert_off', _TAGS, 'revert', _TAGS_WORLD, _TAGS_SAFE,
             _phases(*_APPLY), ('i1',), disks=TWO, modes=MODES,
             between=(_TAGS_KEPT,), overwritten=('revert:applying',)),
    Scenario('tag_revert_memory', ('m:one', 'up', 'i:i1', 'down', 'm:two',
                                   'i:i2', 'm:three', 'up'),
             'revert', _TAGS_WORLD, _TAGS_SAFE, _phases(*_MEMORY), ('i1',),
             disks=TWO, modes=MODES, between=(_TAGS_KEPT,),
             overwritten=('revert:reverting',)),
    Scenario('tag_revert_copy', ('m:one', 'i:i1', 'm:two', 's:e1',
                                 'm:three'), 'revert',
             World('three', {'i1': 'one', 'e1': 'two'}),
             World('one', {'i1': 'one', 'e1': 'two', 'safety': 'three'}),
             _phases(*_REVERT), ('i1',)),
    Scenario('tag_delete', _TAGS, 'delete', _TAGS_WORLD,
             World('three', {'i2': 'two'}),
             _phases('delete unnamed discarded unlinked committed'),
             (['i1'],), disks=TWO),
    Scenario('tag_delete_paused', (*_TAGS, 'up'), 'delete', _TAGS_WORLD,
             World('three', {'i2': 'two'}),
             _phases('delete unnamed discarded unlinked committed'),
             (['i1'],), disks=TWO),
    # Plain libvirt cannot start it: the frozen layer is not writable.
    Scenario('reunite', ('m:one', 'up', 't:s1'), 'recover',
             World('one', {'s1': 'one'}), World('one', {'s1': 'one'}),
             _phases('create frozen committed', 'reunite planned saved',
                     _SETTLE, 'reunite committed'), modes=('now', 'dies')),
)
