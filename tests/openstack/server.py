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

"""A server whose guest counts on its disk, and what can be done with it."""

from collections.abc import Sequence
import itertools
import re
import time
from typing import Any

import openstack

from tests.openstack import host

_TICK = re.compile(r'^T (\d+)\s*$', re.MULTILINE)
_SOON = 10  # seconds
_FOUND = re.compile(r'^FOUND vda tick (\S+) mark (\S+)', re.MULTILINE)


class Server:
    """One server, through the APIs that its tenant has.

    The guest writes a growing number to its disk every second, says it on
    its console, and says at boot which number it has found there: what an
    operation has lost is told to the number.

    :ivar cloud: an ``openstack.connection.Connection``.
    """

    def __init__(self, cloud: Any, identity: str) -> None:
        self.cloud = cloud
        self.id = identity

    # What it is ------------------------------------------------------------

    def show(self) -> Any:
        return self.cloud.compute.get_server(self.id)

    def wait(self, status: str | None = None, timeout: float = host.PATIENCE
             ) -> Any:
        """Until it has that status, and nothing is being done with it.

        :raises AssertionError: it went to ERROR instead, or took too long.
        """
        end = time.monotonic() + timeout
        while True:
            server = self.show()
            if server.task_state is None and (
                    status is None or server.status == status):
                return server
            if time.monotonic() > end or (
                    server.status == 'ERROR' and server.task_state is None):
                raise AssertionError(
                    f'server {self.id} is {server.status} '
                    f'({server.task_state}) and not {status}: '
                    f'{getattr(server, "fault", None)}; '
                    f'{self.last_event()}')
            time.sleep(0.2)

    def last_event(self) -> str:
        """How the last action on it ended, as its user sees it."""
        actions = list(self.cloud.compute.server_actions(self.id))
        if not actions:
            return 'no action'
        end = time.monotonic() + _SOON
        while True:
            action = self.cloud.compute.get_server_action(
                actions[0].request_id, self.id)
            # Nova writes how an event ended after the server's state.
            if time.monotonic() > end or all(
                    event.result for event in action.events or ()):
                break
            time.sleep(0.2)
        return (f'{action.action}: {action.message}; ' + '; '.join(
            f'{event.event} {event.result} {event.details or ""}'
            for event in action.events or ()))

    # What is done to it ----------------------------------------------------

    def stop(self) -> None:
        self.cloud.compute.stop_server(self.id)
        self.wait('SHUTOFF')

    def start(self) -> None:
        self.cloud.compute.start_server(self.id)
        self.wait('ACTIVE')

    def suspend(self) -> None:
        self.cloud.compute.suspend_server(self.id)
        self.wait('SUSPENDED')

    def resume(self) -> None:
        self.cloud.compute.resume_server(self.id)
        self.wait('ACTIVE')

    def resize(self, flavor: str) -> None:
        """Not confirmed yet."""
        self.cloud.compute.resize_server(
            self.id, self.cloud.compute.find_flavor(flavor).id)
        self.wait('VERIFY_RESIZE')

    # What its guest says ---------------------------------------------------

    def console(self) -> str:
        """All that it said since it was started last."""
        try:
            return (host.INSTANCES / self.id / 'console.log').read_text(
                errors='replace').replace('\0', '')
        except FileNotFoundError:
            return ''

    def tick(self) -> int:
        """The last number that it wrote; -1 for none yet."""
        found = _TICK.findall(self.console())
        return int(found[-1]) if found else -1

    def found(self) -> int:
        """The number that it found at its last boot; -1 for none."""
        return self._found('FOUND', 0)

    def _found(self, what: str, group: int) -> Any:
        end = time.monotonic() + host.PATIENCE
        while not (found := _FOUND.findall(self.console())):
            if time.monotonic() > end:
                raise AssertionError(f'{self.id} did not boot: '
                                     f'{self.console()[-500:]}')
            time.sleep(0.1)
        word = found[-1][group]
        return -1 if word == 'none' else int(word)

    def wait_tick(self, least: int = 1) -> int:
        """Until its number is at least that; returns it."""
        end = time.monotonic() + host.PATIENCE
        while (tick := self.tick()) < least:
            if time.monotonic() > end:
                raise AssertionError(f'{self.id} does not reach {least}: '
                                     f'{self.console()[-500:]}')
            time.sleep(0.1)
        return tick

    def go_on(self, numbers: int = 2) -> int:
        """Until it has counted on by so many; returns its number."""
        return self.wait_tick(self.tick() + numbers)

    def since(self, before: str) -> str:
        """What it has said since :meth:`console` was that.

        Where the domain was started anew, that is all there is.
        """
        now = self.console()
        return now[len(before):] if now.startswith(before) else now

    def first(self, text: str) -> int:
        """The first number that a part of its console tells; -1 for none."""
        found = _TICK.search(text)
        return int(found[1]) if found else -1

    def went_on_from(self, before: str) -> int:
        """The number that it found, or its memory had, after going back.

        :param before: what :meth:`console` was before it went back.
        """
        end = time.monotonic() + host.PATIENCE
        while time.monotonic() < end:
            new = self.since(before)
            if found := _FOUND.findall(new):
                return -1 if found[-1][0] == 'none' else int(found[-1][0])
            numbers = list(map(int, _TICK.findall(before)[-1:]
                               + _TICK.findall(new)))
            back = [number - 1 for last, number
                    in itertools.pairwise(numbers) if number <= last]
            if back:
                return back[-1]
            time.sleep(0.1)
        raise AssertionError(f'{self.id} did not go back: {new[-500:]}')

    def say(self, line: str, answer: str) -> re.Match[str]:
        """Tell its guest something, over the serial line.

        :param answer: pattern of the line that it answers with.
        """
        before = self.console()
        # QEMU looks once a second whether anybody has it open.
        with host.terminal(self.id) as terminal:
            terminal.write(f'{line}\n'.encode())
            end = time.monotonic() + host.PATIENCE
            while not (found := re.search(f'^{answer}', self.since(before),
                                          re.MULTILINE)):
                if time.monotonic() > end:
                    raise AssertionError(
                        f'{self.id} does not answer "{line}": '
                        f'{self.since(before)[-500:]}')
                time.sleep(0.1)
        return found

    # Snapshots -------------------------------------------------------------

    def snapshot(self, name: str, *, kind: str | None = None,
                 payload: str | None = 'manifest', wait: bool = True) -> str:
        """``openstack server image create``; returns the image's id."""
        properties = {}
        if kind is not None:
            properties['snapdriver_request_kind'] = kind
        if payload is not None:
            properties['snapdriver_request_payload'] = payload
        image = self.cloud.compute.create_server_image(
            self.id, name, metadata=properties, wait=False)
        identity = str(getattr(image, 'id', image))
        if wait:
            self.wait_image(identity)
            self.wait()
        return identity

    def wait_image(self, identity: str) -> Any:
        """Until it is active.

        :raises AssertionError: it is gone, or takes too long.
        """
        end = time.monotonic() + host.PATIENCE
        while True:
            try:
                image = self.cloud.image.get_image(identity)
            except openstack.exceptions.NotFoundException:
                raise AssertionError(
                    f'image {identity} is gone: {self.last_event()}'
                ) from None
            if image.status == 'active':
                return image
            if time.monotonic() > end:
                raise AssertionError(f'image {identity} is {image.status}')
            time.sleep(0.1)

    def rebuild(self, image: str, wait: bool = True) -> None:
        """``openstack server rebuild``: to a handle, or any other image."""
        before = self.show()
        self.cloud.compute.rebuild_server(self.id, image=image)
        if wait:
            self.wait('SHUTOFF' if before.status == 'SHUTOFF' else 'ACTIVE')

    # What the host says of it ----------------------------------------------

    def names(self) -> Sequence[str]:
        """Of its snapshots, parents first: as our command lists them."""
        return [item['name'] for item
                in host.snapdriver('snapshot', 'list', self.id)]

    def virsh_names(self) -> Sequence[str]:
        return host.virsh('snapshot-list', '--name', '--topological',
                          self.id).split()

    def findings(self) -> Sequence[tuple[str, str]]:
        """What ``domain check`` finds but for merges that wait."""
        return [(item['code'], item['message']) for item
                in host.snapdriver('domain', 'check', self.id)
                if item['severity'] != 'pending']
