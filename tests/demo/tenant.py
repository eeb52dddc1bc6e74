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

"""``tools/demo --openstack`` runs this: the story as a tenant lives it."""

import contextlib
import shlex
import signal
import subprocess
import sys
import time
from typing import Any

import openstack

from tests.demo import screen
from tests.demo import server as servers

_FLAVOR, _IMAGE = 'tick1', 'ticker'
_WEB, _COPY = 'web', 'web-copy'
_HANDLE, _GOLDEN = 'before-upgrade', 'golden'
_PAYLOAD = ('--property', 'snapdriver_request_payload=manifest')


class Wrong(Exception):
    """The story did not go as it is told."""


class Story:
    """From the first boot to the last image."""

    def __init__(self, cloud: Any) -> None:
        self._cloud = cloud
        self._chapter = screen.Chapters()
        self._servers: list[servers.Server] = []

    def introduce(self) -> None:
        screen.title('snapdriver in OpenStack: a tenant and the "openstack" '
                     'command')
        start = time.monotonic()
        self._shell('openstack', 'token', 'issue')
        screen.say('(The times are from the command until its work is done. '
                   f'{time.monotonic() - start:.1f} s of\neach are the '
                   'command\'s own: to start, and to log in.)')

    def tell(self) -> None:
        """:raises Wrong: something is not as it should be."""
        web = self._boot()
        at_snapshot = self._create(web)
        before_revert = self._go_on(web)
        self._go_back(web, at_snapshot)
        self._go_forward(web, before_revert)
        self._copy(web)
        self._delete(web)

    def _boot(self) -> servers.Server:
        self._chapter.begin('A server that counts')
        screen.say('Every second it writes the next number to its disk; when '
                   'it boots it goes on\nfrom the number that it finds there.')
        web = self._create_server(_WEB, _IMAGE)
        self._count(web, 5)
        return web

    def _create(self, web: servers.Server) -> range:
        """Make the snapshot; the numbers that may be in it."""
        self._chapter.begin('A snapshot, while it runs')
        first = web.counter()
        self._create_image(web, _HANDLE, *_PAYLOAD)
        numbers = range(first, web.counter() + 1)
        screen.say(f'The number on the disk was between {numbers[0]} and '
                   f'{numbers[-1]} then.')
        screen.say('\nThe image is the handle of a snapshot beside the '
                   'server\'s disk; it holds no disk:')
        self._list_images()
        return numbers

    def _go_on(self, web: servers.Server) -> int:
        self._chapter.begin('The server has not noticed, and writes on')
        self._count(web, 8)
        return web.counter()

    def _go_back(self, web: servers.Server, at_snapshot: range) -> None:
        self._chapter.begin('Back to the snapshot')
        found = self._rebuild(web, _HANDLE)
        self._require(
            found in at_snapshot,
            f'the server found {found} on its disk; at the snapshot it was '
            f'between {at_snapshot[0]} and {at_snapshot[-1]}')
        self._count(web, 4)
        screen.say('\nWhat it had written since is not lost, it has a handle '
                   'of its own:')
        self._list_images()
        screen.say('\nAnd it is still a server of its first image:')
        self._run('server', 'show', _WEB, '-c', 'name', '-c', 'status',
                  '-c', 'image')

    def _go_forward(self, web: servers.Server, before_revert: int) -> None:
        self._chapter.begin('And forward again')
        safety = next(image.name for image in self._images()
                      if image.name != _HANDLE)
        found = self._rebuild(web, safety)
        self._require(
            found is not None and found >= before_revert,
            f'the server found {found}; before it went back it had written '
            f'{before_revert}')
        self._count(web, 4)

    def _copy(self, web: servers.Server) -> None:
        self._chapter.begin('An image that boots anywhere')
        screen.say('Unless it is asked otherwise, the image holds the disk '
                   'of the frozen moment.')
        first = web.counter()
        self._create_image(web, _GOLDEN)
        last = web.counter()
        copy = self._create_server(_COPY, _GOLDEN)
        found = copy.found()
        self._require(
            found in range(first, last + 1),
            f'the new server found {found}; the other one had between '
            f'{first} and {last}')
        self._count(copy, 3)

    def _delete(self, web: servers.Server) -> None:
        self._chapter.begin('Deleting')
        self._run('image', 'delete', _HANDLE)
        screen.say('The host finds out, and deletes the snapshot when it has '
                   'been sure for an hour.')
        self._count(web, 3)
        self._run('server', 'delete', _WEB, _COPY)
        servers.poll(lambda: not list(self._cloud.compute.servers()),
                     'the servers to go')
        screen.say('The snapshots go with the server, and so do handles that '
                   'hold no disk:')
        servers.poll(lambda: [image.name for image in self._images()]
                     == [_GOLDEN], 'the handles to go')
        self._list_images()

    # Steps -----------------------------------------------------------------

    def _create_server(self, name: str, image: str) -> servers.Server:
        with self._command('server', 'create', '--flavor', _FLAVOR,
                           '--image', image, '--no-network', name,
                           '-c', 'name', '-c', 'image'):
            made = servers.Server(self._cloud, name)
            self._servers.append(made)
            made.wait()
        with screen.stopwatch('It boots:'):
            made.found()
        return made

    def _create_image(self, web: servers.Server, name: str,
                      *options: str) -> None:
        with self._command('server', 'image', 'create', _WEB, '--name', name,
                           *options, '-c', 'name', '-c', 'id'):
            servers.poll(lambda: self._is_active(name), f'image {name}')
            web.wait()

    def _rebuild(self, web: servers.Server, image: str) -> int | None:
        """Rebuild; the number that the guest finds when it boots."""
        with self._command('server', 'rebuild', '--image', image, _WEB,
                           '-c', 'name', '-c', 'status'):
            web.wait()
        with screen.stopwatch('It boots:'):
            return web.found()

    def _count(self, server: servers.Server, numbers: int) -> None:
        print('It counts:', end='')
        screen.numbers(server.count(numbers))

    def _list_images(self) -> None:
        self._run('image', 'list', '--private', '--long', '-c', 'Name',
                  '-c', 'Size', '-c', 'Status')

    def _images(self) -> list[Any]:
        return list(self._cloud.image.images(visibility='private'))

    def _is_active(self, name: str) -> bool:
        found = [image for image in self._images() if image.name == name]
        if not found:
            raise Wrong(f'image {name} has vanished')
        return bool(found[0].status == 'active')

    def _run(self, *arguments: str) -> None:
        with self._command(*arguments):
            pass

    @contextlib.contextmanager
    def _command(self, *arguments: str) -> Any:
        """The command openstack, and what it takes until its work is done."""
        screen.command(shlex.join(['openstack', *arguments]))
        with screen.stopwatch():
            if output := self._shell('openstack', *arguments):
                screen.say(output)
            yield

    def _shell(self, *command: str) -> str:
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True,
                              check=False)
        if done.returncode:
            raise Wrong(f'it exited with {done.returncode}')
        return done.stdout.rstrip()

    def _require(self, true: bool, what: str) -> None:
        if not true:
            raise Wrong(what)
        screen.proved(what)

    def close(self) -> None:
        """Remove all servers and images of the tenant."""
        for server in self._cloud.compute.servers():
            self._cloud.compute.delete_server(server)
        with contextlib.suppress(servers.Late):
            servers.poll(lambda: not list(self._cloud.compute.servers()),
                         'the servers to go')
        for image in self._images():
            # 400: nova-compute deletes it in the same moment.
            with contextlib.suppress(openstack.exceptions.BadRequestException):
                self._cloud.image.delete_image(image, ignore_missing=True)


def main() -> int:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    start = time.monotonic()
    try:
        with contextlib.ExitStack() as after:
            cloud = openstack.connect()
            after.callback(cloud.close)
            told = Story(cloud)
            told.close()
            after.callback(told.close)
            told.introduce()
            told.tell()
    except (Wrong, servers.Late, openstack.exceptions.SDKException) as wrong:
        screen.failed(str(wrong))
        return 1
    except KeyboardInterrupt:
        screen.say('\ninterrupted')
        return 130
    screen.say('\nEverything is removed. It took '
               f'{time.monotonic() - start:.0f} s.')
    return 0


if __name__ == '__main__':
    sys.exit(main())
