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

"""What a kind of snapshot is: the interface of ``snapdriver.backends``.

A backend is loaded by stevedore from the entry points of that group; the
entry point's name is the kind. See "Writing a backend" in the documentation.
"""

import abc
from collections.abc import Sequence
from typing import ClassVar

from snapdriver import instance as instances
from snapdriver import model


class Backend(abc.ABC):
    """Creates and reverts snapshots of one kind.

    The manager calls it with the instance's lock held, after it has finished
    or undone whatever was interrupted. Plans only look; they put each reason
    against the verb into ``refusals`` instead of raising, so that a dry run
    shows all of them. What acts writes its intent down first
    (``Instance.begin``), and must leave something that :meth:`recover` can
    finish or undo wherever it is killed.
    """

    kind: ClassVar[str]

    @abc.abstractmethod
    def plan_create(self, instance: instances.Instance,
                    request: model.CreateRequest) -> model.Plan:
        """Look at what a create would do."""

    @abc.abstractmethod
    def create(self, instance: instances.Instance,
               plan: model.Plan) -> model.Snapshot:
        """Do what was planned; all disks or none (invariant I7)."""

    @abc.abstractmethod
    def plan_revert(self, instance: instances.Instance,
                    request: model.RevertRequest) -> model.Plan:
        """Look at what a revert would do."""

    @abc.abstractmethod
    def revert(self, instance: instances.Instance,
               plan: model.Plan) -> model.Snapshot | None:
        """Do what was planned; returns the safety snapshot if one is made."""

    @abc.abstractmethod
    def discard(self, instance: instances.Instance,
                snapshots: Sequence[model.Snapshot]) -> None:
        """Remove what deleted snapshots keep inside layers that stay.

        Their names are gone from the state for good. It can be repeated;
        what cannot be removed now is left as a job (see
        :mod:`snapdriver.jobs`). Not called for layers that go altogether.
        """

    @abc.abstractmethod
    def recover(self, instance: instances.Instance) -> str:
        """Finish or undo ``instance.operation``, which may run anywhere.

        :returns: what was done, as ``finished`` or ``undone``.
        """
