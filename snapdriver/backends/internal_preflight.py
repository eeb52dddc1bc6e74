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


"""What forbids an internal snapshot, besides what forbids any (I8)."""

from collections.abc import Mapping
import re

from snapdriver import instance as instances
from snapdriver import internalxml
from snapdriver import model
from snapdriver import survey as surveys
from snapdriver.backends import internal_tags


def of_disks(instance: instances.Instance, survey: surveys.Survey,
             request: model.CreateRequest) -> list[str]:
    """libvirt takes all disks or none.

    :raises DiskNotFound: a disk was asked for that is none of ours.
    """
    ours = [found.disk.target for found in survey.ours.values()]
    if not ours:
        return [] if survey.problems else [
            'it has no disk that can be snapshotted (' + (', '.join(
                f'{t}: {why}' for t, why in survey.left_out.items())
                or 'it has no disk at all') + ')']
    found = []
    if set(survey.pick(request.disks, instance.name)) != set(survey.ours):
        found.append(
            'an internal snapshot takes all disks; ask for no disk, or for '
            'an external snapshot')
    # A problem has told of its disk already, or of one that is left out.
    unfit = [target for target in internalxml.unfit_writable(
        survey.xml, ours) if target in survey.left_out]
    found += [f'disk {target} can be written and {survey.left_out[target]}, '
              'and an internal snapshot can leave no such disk out; detach '
              'it, or make an external snapshot' for target in unfit]
    return found


def of_firmware(xml: str) -> list[str]:
    """:param xml: the domain's."""
    if not internalxml.has_variable_store(xml):
        return []
    return ['its firmware (UEFI) keeps variables in a file that no internal '
            'snapshot holds; make an external snapshot']


def is_like_an_id(name: str) -> bool:
    """Whether QEMU can take a tag's name for the number of another."""
    return re.fullmatch('[0-9]{1,9}', name) is not None


def of_tags(instance: instances.Instance,
            disks: Mapping[str, surveys.Found], name: str) -> list[str]:
    """Tags in the images that would be taken for the new one."""
    if is_like_an_id(name):
        return ['QEMU would take the name for the number of another internal '
                'snapshot; choose a name with a letter in it']
    tags = internal_tags.of_active(instance, {
        key: found.disk.name if found.new else found.layer.file
        for key, found in disks.items()})
    return [f'{disks[key].disk.name} holds an internal snapshot "{name}" '
            'already, of a snapshot that was deleted or made by others; '
            'choose another name' for key, names in tags.items()
            if name in names]
