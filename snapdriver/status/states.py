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

"""The state files of a host, as they are: nothing is locked or changed."""

from collections.abc import Iterator
import dataclasses
import os

from snapdriver import exception
from snapdriver import instance as instances
from snapdriver import model
from snapdriver import state as state_file


@dataclasses.dataclass(frozen=True, slots=True)
class Found:
    """One state file.

    :ivar path: the directory that the instance's disks lie in.
    :ivar state: what it says; None if it could not be read.
    :ivar error: why not.
    """

    uuid: str
    path: str
    state: model.State | None = None
    error: exception.SnapdriverError | OSError | None = None


def below(root: str) -> Iterator[Found]:
    """Each under a root, by the instance's UUID.

    Directories that we may not enter are not seen: Nova's own are open to
    all, and our folder in each is not.
    """
    try:
        found = sorted(_paths(root))
    except PermissionError as error:
        yield Found('', root, error=error)
        return
    for uuid, path in found:
        try:
            yield Found(uuid, path, state=_load(uuid, path))
        except FileNotFoundError:
            continue  # the instance has gone meanwhile
        except (exception.SnapdriverError, OSError) as error:
            yield Found(uuid, path, error=error)


def _paths(root: str) -> set[tuple[str, str]]:
    """What :func:`instances.state_paths` sees, and what it may not see."""
    found = set(instances.state_paths(root))
    for name in os.listdir(root):
        path = os.path.join(root, name)
        folder = os.path.join(path, instances.FOLDER)
        if os.path.isdir(folder) and not os.access(folder, os.X_OK):
            found.add((name, path))
    return found


def _load(uuid: str, path: str) -> model.State | None:
    return state_file.read(os.path.dirname(instances.state_path(path, uuid)))
