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

"""Jobs: the long steps, written down and run without the lock.

A job is recorded and taken back under the lock; in between bytes are copied
and other verbs may come. A merge gives way to them and is planned again
later; an export or a copy pins the layers that it reads. The record names
the process that works on it, so that what a dead one has left is seen.
"""

from collections.abc import Mapping
import dataclasses
import os
import time
from typing import Any
import uuid

from snapdriver import instance as instances
from snapdriver import model

MERGE = 'merge'    # see merging.py
EXPORT = 'export'  # see exporting.py
COPY = 'copy'      # a tag becomes a layer: see backends/materialise.py
UNTAG = 'untag'    # a tag without a name that is still to be removed
THAW = 'thaw'      # see thawing.py
_COPYING = (MERGE, EXPORT, COPY)  # they can fill a disk, and must end then


def begin(instance: instances.Instance, kind: str, disk: str,
          data: Mapping[str, Any], **changes: Any) -> model.Job:
    """Write a job down, as this process's.

    :param data: JSON types; ``pins`` lists the ids of layers that must stay,
        with all below them, until the job is over.
    """
    job = model.Job(
        id=str(uuid.uuid4()), type=kind, disk=disk, started_at=time.time(),
        data=dict(data) | {'process': identify(os.getpid())})
    instance.save(dataclasses.replace(
        instance.state, jobs=dict(instance.state.jobs) | {job.id: job},
        **changes))
    if kind in _COPYING:
        instance.reserve()
    return job


def note(instance: instances.Instance, job: model.Job,
         data: Mapping[str, Any]) -> model.Job:
    """Write down more about a job that is still recorded."""
    job = dataclasses.replace(job, data=dict(job.data) | dict(data))
    instance.save(dataclasses.replace(
        instance.state, jobs=dict(instance.state.jobs) | {job.id: job}))
    if job.type in _COPYING:
        instance.reserve()
    return job


def end(instance: instances.Instance, job: model.Job,
        **changes: Any) -> None:
    """Take a job's record back; not an error if somebody else has."""
    instance.save(dataclasses.replace(
        instance.state, jobs={key: other for key, other
                              in instance.state.jobs.items()
                              if key != job.id}, **changes))


def of_type(state: model.State, kind: str) -> list[model.Job]:
    """The jobs of that type, the oldest first."""
    return sorted((job for job in state.jobs.values() if job.type == kind),
                  key=lambda job: job.started_at)


def is_alive(job: model.Job) -> bool:
    """Whether the process that has recorded it still lives."""
    process = job.data.get('process')
    return process is not None and identify(process[0]) == process


def identify(pid: int) -> list[int]:
    """A process, by its number and the moment of its start; [] if none.

    The number alone is given again to another process some day.
    """
    try:
        with open(f'/proc/{pid}/stat') as file:
            fields = file.read().rpartition(')')[2].split()
    except OSError:
        return []
    if fields[0] == 'Z':
        return []  # it has ended; nobody has asked how
    return [pid, int(fields[19])]
