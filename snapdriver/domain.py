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

"""A libvirt domain: what the engine asks of it and does to it."""

from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
import contextlib
import json
from typing import Any
from typing import NamedTuple
from typing import TypeVar

import libvirt

from snapdriver import domainxml
from snapdriver import exception
from snapdriver import model

_T = TypeVar('_T')

_SHUTOFF = (libvirt.VIR_DOMAIN_SHUTOFF, libvirt.VIR_DOMAIN_CRASHED)
# virDomainAgentSetResponseTimeout: wait for ever, which is the default
_AGENT_DEFAULT = -2


def silence() -> None:
    """Keep libvirt from printing errors that are raised anyway."""
    libvirt.registerErrorHandler(lambda *_: None, None)


class BlockJob(NamedTuple):
    """How far a block job is; both are 0 before it has looked."""

    current: int
    end: int

    @property
    def is_at_end(self) -> bool:
        return self.current == self.end

    @property
    def percent(self) -> float:
        return 100.0 * self.current / self.end if self.end else 0.0


class Domain:
    """One domain on one connection (plain, or Nova's tpool-wrapped one)."""

    def __init__(self, connection: Any, handle: Any) -> None:
        self.connection = connection
        self.handle = handle
        self._seen: tuple[model.Power, bool] | None = None
        self.name: str = handle.name()
        self.uuid: str = handle.UUIDString()

    # Looking ---------------------------------------------------------------

    def power(self) -> model.Power:
        return self.power_and_sleep()[0]

    def is_off(self) -> bool:
        return self.power() is model.Power.SHUTOFF

    def power_and_sleep(self) -> tuple[model.Power, bool]:
        """What it does, and whether its guest is suspended to RAM."""
        state, _ = self._call('read the state', self.handle.state)
        if state in _SHUTOFF:
            self._seen = model.Power.SHUTOFF, False
        elif state == libvirt.VIR_DOMAIN_PAUSED:
            self._seen = model.Power.PAUSED, False
        else:
            self._seen = (model.Power.RUNNING,
                          bool(state == libvirt.VIR_DOMAIN_PMSUSPENDED))
        return self._seen

    def last_power_and_sleep(self) -> tuple[model.Power, bool]:
        """The same, as it was when that was last asked for.

        For who comes right after that, as a plan comes after settle.
        """
        return self._seen or self.power_and_sleep()

    def number(self) -> int:
        """libvirt's number for the QEMU process of now; -1 if it is off."""
        return int(self._call('look up', self.connection.lookupByUUIDString,
                              self.uuid).ID())

    def is_persistent(self) -> bool:
        return bool(self._call('ask for the definition',
                               self.handle.isPersistent))

    def has_managed_save(self) -> bool:
        return bool(self._call('ask for a managed save image',
                               self.handle.hasManagedSaveImage))

    def live_xml(self) -> str:
        """As it is now (the definition, if shut off); holds secrets."""
        return str(self._call('read the XML', self.handle.XMLDesc,
                              libvirt.VIR_DOMAIN_XML_SECURE))

    def defined_xml(self) -> str:
        """As it will start next; holds secrets."""
        return str(self._call(
            'read the XML', self.handle.XMLDesc,
            libvirt.VIR_DOMAIN_XML_SECURE | libvirt.VIR_DOMAIN_XML_INACTIVE))

    def block_jobs(self, targets: Iterable[str]) -> list[str]:
        """Of those disks, the ones on which a block job runs."""
        return [target for target in targets
                if self._call('ask for block jobs',
                              self.handle.blockJobInfo, target)]

    def is_migrating_or_saving(self) -> bool:
        try:
            job = self.handle.jobInfo()
        except libvirt.libvirtError:
            return False
        return bool(job[0] != libvirt.VIR_DOMAIN_JOB_NONE)

    def has_checkpoints(self) -> bool:
        try:
            return bool(self.handle.listAllCheckpoints())
        except libvirt.libvirtError:
            return False  # this driver has none

    def qemu_disks(self, disks: Iterable[domainxml.DiskElement] | None = None
                   ) -> dict[str, tuple[str, int]]:
        """What QEMU itself writes for each disk's target: (file, bytes).

        libvirt's own view can differ after libvirtd died in a snapshot. The
        bytes are the virtual size.

        :param disks: of the live XML, if the caller has it.
        """
        return {target: (written_file(inserted),
                         inserted['image']['virtual-size'])
                for target, inserted in self.qemu_blocks(disks).items()}

    def qemu_blocks(self, disks: Iterable[domainxml.DiskElement] | None = None
                    ) -> dict[str, Mapping[str, Any]]:
        """As :meth:`qemu_disks`: all that QEMU tells of what it writes."""
        if disks is None:
            disks = domainxml.parse_disks(self.live_xml())
        blocks = self.ask_qemu('query-block')
        return {disk.target: block['inserted']
                for disk in disks for block in blocks
                if _is_device(block, disk.alias) and block.get('inserted')}

    def ask_qemu(self, command: str, **arguments: Any) -> Any:
        """What QEMU's monitor answers.

        :raises LibvirtFailed: with what it said against it.
        """
        import libvirt_qemu  # only the QEMU driver has a monitor

        asked = {'execute': command} | (
            {'arguments': arguments} if arguments else {})
        answer = json.loads(self.call(
            'ask QEMU', libvirt_qemu.qemuMonitorCommand, self.handle,
            json.dumps(asked), 0))
        if 'return' not in answer:
            raise exception.LibvirtFailed(
                action=f'have QEMU do {command}', domain=self.name, code=0,
                reason=str(answer.get('error', {}).get('desc', answer)))
        return answer['return']

    # Doing -----------------------------------------------------------------

    def let_go(self, paths: Collection[str]) -> None:
        """Have QEMU close files that it has open and does not use.

        A libvirtd that dies between opening an overlay and switching to it
        leaves it open. The next one would give the nodes' names again, and
        each snapshot fail ("Duplicate nodes with node-name"). A node that is
        in use is refused by QEMU.
        """
        import libvirt_qemu

        def ask(command: str, **arguments: Any) -> Any:
            answer = json.loads(self._call(
                'ask QEMU for its files', libvirt_qemu.qemuMonitorCommand,
                self.handle, json.dumps(
                    {'execute': command, 'arguments': arguments}), 0))
            return answer.get('return')

        nodes = ask('query-named-block-nodes', flat=True) or []
        for driver in ('qcow2', 'file'):  # what stands on it goes first
            for node in nodes:
                if node.get('drv') == driver and written_file(node) in paths:
                    ask('blockdev-del', **{'node-name': node['node-name']})

    def block_commit(self, target: str, base: str, top: str, bandwidth: int,
                     active: bool) -> None:
        """Copy a layer into the one below, whose paths are given.

        VIR_DOMAIN_BLOCK_COMMIT_RELATIVE, so that headers stay relative.

        :param bandwidth: MiB per second; 0 for no limit.
        """
        flags = libvirt.VIR_DOMAIN_BLOCK_COMMIT_RELATIVE
        if active:
            flags |= libvirt.VIR_DOMAIN_BLOCK_COMMIT_ACTIVE
        self._call('commit a layer', self.handle.blockCommit, target, base,
                   top, bandwidth, flags)

    def block_pull(self, target: str, base: str | None, bandwidth: int,
                   relative: bool) -> None:
        """Copy all layers above that one into the active layer.

        :param base: a path; None to need no backing file any more.
        """
        flags = (libvirt.VIR_DOMAIN_BLOCK_REBASE_RELATIVE if relative else 0)
        self._call('pull a layer', self.handle.blockRebase, target, base,
                   bandwidth, flags)

    def block_job(self, target: str) -> BlockJob | None:
        """The block job of a disk; None if none runs, or the domain."""
        try:
            found = self.handle.blockJobInfo(target)
        except libvirt.libvirtError as error:
            if error.get_error_code() == libvirt.VIR_ERR_OPERATION_INVALID:
                return None  # it does not run
            raise self._failed('ask for block jobs', error) from error
        return BlockJob(found['cur'], found['end']) if found else None

    def is_mirror_ready(self, target: str) -> bool:
        """Whether an active commit waits to pivot."""
        return target in domainxml.ready_mirrors(self.live_xml())

    def end_block_job(self, target: str, pivot: bool) -> None:
        self._call('end a block job', self.handle.blockJobAbort, target,
                   libvirt.VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT if pivot else 0)

    def snapshot_disks(self, xml: str, quiesce: bool) -> None:
        """One atomic external snapshot onto overlays that exist.

        VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY | _ATOMIC | _REUSE_EXT.
        """
        flags = (libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY
                 | libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_ATOMIC
                 | libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_REUSE_EXT)
        if quiesce:
            flags |= libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_QUIESCE
        self._call('take a snapshot', self.handle.snapshotCreateXML, xml,
                   flags)

    @contextlib.contextmanager
    def bounded_agent(self, seconds: int) -> Iterator[None]:
        """Within, no command to the guest agent takes longer than that."""
        self._call('bound the guest agent',
                   self.handle.agentSetResponseTimeout, seconds, 0)
        try:
            yield
        finally:
            with contextlib.suppress(libvirt.libvirtError):
                self.handle.agentSetResponseTimeout(_AGENT_DEFAULT, 0)

    def thaw(self, seconds: int) -> bool:
        """Thaw the file systems, frozen or not.

        :returns: whether the agent has answered within that time.
        """
        try:
            with self.bounded_agent(seconds):
                self.handle.fsThaw()
        except (exception.LibvirtFailed, libvirt.libvirtError):
            return False
        return True

    def has_agent(self, seconds: int) -> bool:
        """Whether a guest agent answers, within that time."""
        import libvirt_qemu

        try:
            libvirt_qemu.qemuAgentCommand(
                self.handle, '{"execute": "guest-ping"}', seconds, 0)
        except libvirt.libvirtError:
            return False
        return True

    def define(self, xml: str) -> None:
        self.handle = self._call('define', self.connection.defineXML, xml)

    def start(self, paused: bool) -> None:
        self._seen = None
        flags = libvirt.VIR_DOMAIN_START_PAUSED if paused else 0
        self._call('start', self.handle.createWithFlags, flags)

    def stop(self) -> None:
        """Pull the plug; QEMU flushes what it has taken from the guest."""
        self._seen = None
        self._call('stop', self.handle.destroy)

    def save(self) -> None:
        """Stop it with its memory in libvirt's managed save image."""
        self._seen = None
        self._call('save', self.handle.managedSave, 0)

    def saved_xml(self) -> str:
        """The domain as its managed save image has it; holds secrets."""
        return str(self._call(
            'read the save image', self.handle.managedSaveGetXMLDesc,
            libvirt.VIR_DOMAIN_SAVE_IMAGE_XML_SECURE))

    def define_saved(self, xml: str) -> None:
        self._call('change the save image', self.handle.managedSaveDefineXML,
                   xml, 0)

    def drop_saved(self) -> None:
        self._call('drop the save image', self.handle.managedSaveRemove)

    # libvirt's own list of snapshots ---------------------------------------

    def snapshot_names(self) -> set[str]:
        """The names of all snapshots that libvirt lists."""
        return set(self._call('list the snapshots',
                              self.handle.snapshotListNames, 0))

    def current_snapshot(self) -> str | None:
        """The name of the one that libvirt calls current."""
        try:
            return str(self.handle.snapshotCurrent().getName())
        except libvirt.libvirtError:
            return None

    def snapshot_xmls(self) -> list[str]:
        """The XML of each snapshot, parents first; holds secrets."""
        return [
            self._call('read a snapshot', entry.getXMLDesc,
                       libvirt.VIR_DOMAIN_SNAPSHOT_XML_SECURE)
            for entry in self._call(
                'list the snapshots', self.handle.listAllSnapshots,
                libvirt.VIR_DOMAIN_SNAPSHOT_LIST_TOPOLOGICAL)]

    def redefine_snapshot(self, xml: str, current: bool) -> None:
        flags = libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_REDEFINE
        if current:
            flags |= libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_CURRENT
        self._call('describe a snapshot', self.handle.snapshotCreateXML, xml,
                   flags)

    def forget_snapshot(self, name: str) -> None:
        """Drop the metadata only; not an error if there is none."""
        try:
            entry = self.handle.snapshotLookupByName(name)
            entry.delete(libvirt.VIR_DOMAIN_SNAPSHOT_DELETE_METADATA_ONLY)
        except libvirt.libvirtError as error:
            if (error.get_error_code()
                    != libvirt.VIR_ERR_NO_DOMAIN_SNAPSHOT):
                raise self._failed('forget a snapshot', error) from error

    def _call(self, action: str, function: Callable[..., _T],
              *args: Any) -> _T:
        try:
            return function(*args)
        except libvirt.libvirtError as error:
            raise self._failed(action, error) from error

    call = _call  # for what is in files of its own

    def _failed(self, action: str,
                error: libvirt.libvirtError) -> exception.LibvirtFailed:
        return exception.LibvirtFailed(
            action=action, domain=self.name, code=error.get_error_code(),
            reason=(error.get_error_message() or str(error)).strip())


def _is_device(block: Mapping[str, Any], alias: str | None) -> bool:
    """Whether that is the device; qdev is a path or the bare alias."""
    return alias is not None and alias in block.get('qdev', '').split('/')


def written_file(inserted: Mapping[str, Any]) -> str:
    """The path in what QEMU tells of a disk."""
    name = inserted['image']['filename']
    if not name.startswith('json:'):
        return str(name)
    node = json.loads(name[len('json:'):])
    while isinstance(node.get('file'), dict):
        node = node['file']
    return str(node.get('file.filename') or node.get('filename'))
