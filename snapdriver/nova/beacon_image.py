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


"""What the beacon of a host is in Glance: an image that holds two tokens.

They are written by turns, so that each write leaves the one before in sight::

    written   token 0   token 1
       a         a         a
       b         a         b
       c         c         b

A database in which c is written beside b is one in which b was written. If
that is not what Glance shows after a write, the write has reached a database
that was restored meanwhile.
"""

from typing import Any

from snapdriver.nova import ledger as ledgers

_TOKENS = ('snapdriver_beacon_token_0', 'snapdriver_beacon_token_1')


def document(beacon: ledgers.Beacon, host: str) -> dict[str, Any]:
    """The image that is to be made. It never gets content."""
    return {
        'id': beacon.image, 'name': f'snapdriver beacon of {host}',
        'visibility': 'private', 'os_hidden': True, 'protected': False,
        'snapdriver_beacon_host': host,
    } | dict.fromkeys(_TOKENS, beacon.writing)


def change(beacon: ledgers.Beacon) -> list[dict[str, str]]:
    """The write of a beacon that is there, as a JSON patch."""
    return [{'op': 'replace', 'path': f'/{_TOKENS[1 - beacon.slot]}',
             'value': beacon.writing}]


def written(beacon: ledgers.Beacon, image: Any) -> ledgers.Beacon:
    """What is known once Glance has shown the write."""
    return ledgers.Beacon(
        image=beacon.image, token=beacon.writing,
        before=beacon.token or beacon.writing,
        slot=1 - beacon.slot if beacon.token else 0,
        written_at=str(image.get('updated_at', '')))


def tokens(beacon: ledgers.Beacon) -> list[str]:
    """Its tokens, as they were written last."""
    both = [beacon.token, beacon.before]
    return both if beacon.slot == 0 else both[::-1]


def shown(image: Any) -> list[Any]:
    """The tokens that Glance shows."""
    return [image.get(name) for name in _TOKENS]
