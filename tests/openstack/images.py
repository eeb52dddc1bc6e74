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

"""Images of servers: what they say of themselves, and what they hold."""

import os
import pathlib
import re
import subprocess
import tempfile
from typing import Any
from typing import NamedTuple

from tests.openstack import host
from tests.openstack import server as servers

_STORE = host.STATE / 'glance' / 'images'
_TRAIT = 'trait:CUSTOM_SNAPDRIVER'
_SECTOR = 512
#: Where the guest writes its number.
_NUMBER = 2048


class Moment(NamedTuple):
    """An image, and what the guest's number can have been in it."""

    image: str
    ticks: range


def take(server: servers.Server, name: str, **options: Any) -> Moment:
    """A snapshot, with options as :meth:`Server.snapshot` has.

    The guest says its number once it is on the disk: there, it can be one
    ahead.
    """
    first = server.tick()
    image = server.snapshot(name, **options)
    return Moment(image, range(first, server.tick() + 2))


def properties(cloud: Any, image: str) -> dict[str, str]:
    """The properties of an image that are ours, our trait included."""
    return {key: value for key, value
            in cloud.image.get_image(image).properties.items()
            if key.startswith('snapdriver_') or key == _TRAIT}


def inherited(cloud: Any, image: str) -> int:
    """How many properties an image has, without ours."""
    told = cloud.image.get(f'/images/{image}').json()
    own = cloud.image.get('/schemas/image').json()['properties']
    return len(told.keys() - own.keys() - properties(cloud, image).keys())


def tick(cloud: Any, image: str) -> int:
    """The number in an image, read from Glance's own file of it."""
    kind = cloud.image.get_image(image).disk_format
    with tempfile.TemporaryDirectory() as folder:
        sector = pathlib.Path(folder, 'sector')
        subprocess.run(
            ['qemu-img', 'dd', '-f', kind, '-O', 'raw', f'bs={_SECTOR}',
             f'skip={_NUMBER}', f'count={_NUMBER + 1}',
             f'if={_STORE / image}', f'of={sector}'],
            check=True, capture_output=True, stdin=subprocess.DEVNULL)
        found = re.match(rb'tick (\d+)', sector.read_bytes())
    return int(found[1]) if found else -1


def size(image: str) -> int:
    """Bytes that Glance's own file of an image has."""
    return os.stat(_STORE / image).st_size


def exists(cloud: Any, image: str) -> bool:
    """Whether an image is shown."""
    return cloud.image.find_image(image) is not None
