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

"""Native libvirt snapshots of qcow2 disks: create, list, revert, delete.

::

    manager = snapdriver.SnapshotManager(libvirt.open('qemu:///system'))
    manager.create('web', 'before-upgrade')
    manager.revert('web', 'before-upgrade')
    manager.delete('web', ['before-upgrade'])
"""

from typing import Any
from typing import TYPE_CHECKING

from snapdriver.exception import SnapdriverError
from snapdriver.model import Consistency
from snapdriver.model import Exported
from snapdriver.model import Finding
from snapdriver.model import Merged
from snapdriver.model import Plan
from snapdriver.model import Power
from snapdriver.model import Quiesce
from snapdriver.model import Severity
from snapdriver.model import SnapshotInfo

if TYPE_CHECKING:
    from snapdriver.manager import SnapshotManager

__all__ = [
    'Consistency',
    'Exported',
    'Finding',
    'Merged',
    'Plan',
    'Power',
    'Quiesce',
    'Severity',
    'SnapdriverError',
    'SnapshotInfo',
    'SnapshotManager',
]


def __getattr__(name: str) -> Any:
    """The manager when it is asked for: ``snapdriver.osc`` has no libvirt."""
    if name == 'SnapshotManager':
        from snapdriver.manager import SnapshotManager
        return SnapshotManager
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
