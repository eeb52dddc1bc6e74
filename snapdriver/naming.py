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

"""Names and their rules. Pure: nothing here looks at a disk."""

from collections.abc import Collection
import re
import secrets
import time
import uuid

from snapdriver import exception

_SNAPSHOT_NAME = re.compile(r'[A-Za-z0-9][A-Za-z0-9._-]{0,62}')
_UUID = re.compile(r'[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}')
_LAYER_ID = re.compile(r'[0-9a-f]{8}')
_LAYER_FILE = re.compile(
    r'(?P<disk>.+)\.layer-(?P<id>[0-9a-f]{8})', re.DOTALL)
_PROPERTY_KEY = re.compile(r'[A-Za-z0-9][A-Za-z0-9._:-]{0,254}')

# The link that becomes the Nova name; at most one per disk, and a crash may
# leave it behind.
SETTLE_SUFFIX = '.layer-settle'
#: Of the disks that Nova adds while a server is rescued.
RESCUE_SUFFIX = '.rescue'


def default_snapshot_name(now: float | None = None) -> str:
    """The time in seconds, as ``virsh snapshot-create`` names them."""
    return str(int(time.time() if now is None else now))


def free_name(wanted: str, taken: Collection[str]) -> str:
    """That name, with a number if it is taken."""
    name, count = wanted, 1
    while name in taken:
        count += 1
        name = f'{wanted}.{count}'
    return name


def check_snapshot_name(name: str) -> str:
    """Return the name.

    :raises InvalidName: it is not ``[A-Za-z0-9][A-Za-z0-9._-]{0,62}``: names
        become parts of XML, of log lines and of other people's file names.
    """
    if not _SNAPSHOT_NAME.fullmatch(name):
        raise exception.InvalidName(
            what='snapshot name', name=name[:80],
            reason='use 1 to 63 letters, digits, ".", "_" or "-", beginning '
                   'with a letter or a digit')
    return name


def check_snapshot_id(identity: str) -> str:
    """Return the id, which becomes a file's name.

    :raises InvalidName: it is not a UUID in its usual form.
    """
    if not is_uuid(identity):
        raise exception.InvalidName(
            what='snapshot id', name=identity[:80],
            reason='it must be a UUID in lower case')
    return identity


def check_property(key: str, value: str) -> None:
    """:raises InvalidName: the key or the value is not fit to be kept."""
    if not _PROPERTY_KEY.fullmatch(key):
        raise exception.InvalidName(
            what='property key', name=key[:80],
            reason='use 1 to 255 letters, digits, ".", "_", ":" or "-"')
    check_text('property value', value, 255)


def check_text(what: str, text: str, longest: int) -> None:
    """:raises InvalidName: too long, or not printable as XML 1.0."""
    if len(text) > longest:
        raise exception.InvalidName(
            what=what, name=text[:40] + '...',
            reason=f'it is longer than {longest} characters')
    if any(ord(c) < 32 and c not in '\t\n' or c in '\ufffe\uffff'
           or 0xd800 <= ord(c) < 0xe000 for c in text):
        raise exception.InvalidName(
            what=what, name=text[:80],
            reason='it has characters that XML cannot carry')


def is_uuid(text: str) -> bool:
    """Whether it is a UUID as Nova, Glance and libvirt write one."""
    return _UUID.fullmatch(text) is not None


def new_snapshot_id() -> str:
    return str(uuid.uuid4())


def new_layer_id() -> str:
    return secrets.token_hex(4)


def layer_file(disk: str, layer_id: str) -> str:
    """``disk.layer-0a1b2c3d``: a layer's own name, for life.

    It never ends in ``_<digits>`` and never begins with ``ephemeral`` or
    ``swap`` unless the disk does: nova.virt.libvirt.imagebackend and
    LibvirtDriver._create_images_and_backing give those a meaning.
    """
    return f'{disk}.layer-{layer_id}'


def is_layer_id(layer_id: str) -> bool:
    return _LAYER_ID.fullmatch(layer_id) is not None


def parse_layer_file(name: str) -> tuple[str, str] | None:
    """The disk and the id in a layer's own name; None if it is not one."""
    match = _LAYER_FILE.fullmatch(name)
    return None if match is None else (match['disk'], match['id'])


def is_layer_file(name: str) -> bool:
    """Whether a file has a name that only we give."""
    return (_LAYER_FILE.fullmatch(name) is not None
            or name.endswith(SETTLE_SUFFIX))


def check_file_name(name: str) -> str:
    """Return the name.

    :raises InvalidName: it could lead out of its directory.
    """
    if (not name or name in ('.', '..') or '/' in name or '\0' in name
            or len(name.encode('utf-8', 'surrogatepass')) > 255):
        raise exception.InvalidName(
            what='file name', name=name[:80],
            reason='it must name a file in the instance\'s own directory')
    return name


def not_ours(name: str) -> exception.InvalidName:
    return exception.InvalidName(
        what='file name', name=name[:80], reason='it is not one that '
        'snapdriver gives, so the file is left alone')


def is_disk_name(name: str) -> bool:
    """Whether a disk of this file name may be ours.

    Nova's swap disk is left out: its content is worth nothing, and Nova
    makes it anew as it likes (LibvirtDriver._create_image).
    """
    return not name.endswith('.swap') and not is_layer_file(name)
