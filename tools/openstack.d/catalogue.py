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

"""Makes flavors and images: catalogue.py DIRECTORY, in which NAME.qcow2 is."""

import hashlib
import pathlib
import sys

import openstack

FLAVORS = {
    'tick1': {'disk': 1},
    'tick2': {'disk': 2},
    'tick4': {'disk': 4},
    'tick-eph': {'disk': 1, 'ephemeral': 1, 'swap': 64},
}
IMAGES: dict[str, dict[str, str]] = {
    'ticker': {},
    'ticker-agent': {'hw_qemu_guest_agent': 'yes'},
}


def main(directory: str) -> None:
    cloud = openstack.connect()
    # Neutron without routers answers 500 to a list of ports until another
    # query has made SQLAlchemy configure all that it maps.
    list(cloud.network.agents())
    have = {flavor.name for flavor in cloud.compute.flavors()}
    for name, disks in FLAVORS.items():
        if name not in have:
            cloud.compute.create_flavor(name=name, ram=256, vcpus=1, **disks)
    for name, properties in IMAGES.items():
        path = pathlib.Path(directory, f'{name}.qcow2')
        # That is what Glance calls an image's checksum.
        checksum = hashlib.md5(path.read_bytes(),
                               usedforsecurity=False).hexdigest()
        for old in list(cloud.image.images(name=name)):
            if old.checksum == checksum:
                break
            cloud.image.delete_image(old)
        else:
            cloud.create_image(name, filename=str(path), disk_format='qcow2',
                               container_format='bare', visibility='public',
                               wait=True, **properties)


main(*sys.argv[1:])
