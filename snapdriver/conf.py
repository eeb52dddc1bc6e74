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

"""Every option of snapdriver, and how it is registered."""

import copy
import socket
from typing import Any

from oslo_config import cfg

GROUP = 'snapdriver'

_HOURS = r'^$|^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$'

_OPTS: list[cfg.Opt] = [
    cfg.StrOpt(
        'connection_uri', default='qemu:///system',
        help='The libvirt connection that the "snapdriver" command opens. '
             'nova-compute hands its own connection to the engine and does '
             'not read this.'),
    cfg.StrOpt(
        'instances_path', default='/var/lib/nova/instances',
        help='The directory that holds one directory per instance, as '
             'Nova\'s option of the same name. The command looks here for '
             'the state of domains that libvirt does not know.'),
    cfg.ListOpt(
        'base_directories', default=['_base'],
        help='The directories that the image below an instance\'s lowest '
             'layer may lie in. A relative name is taken from the directory '
             'that holds the instance\'s own directory. A disk whose header '
             'names a backing file anywhere else is refused.'),
    cfg.HostAddressOpt(
        'host', default=socket.gethostname(),
        sample_default='<current hostname>',
        help='The name of this host in the state files. On shared storage '
             'only the host that a state file names may change it.'),
    cfg.StrOpt(
        'default_kind', default='external',
        help='The kind of snapshot that is made when none is asked for. It '
             'is the name of an installed backend (entry points of '
             '"snapdriver.backends").'),
    cfg.IntOpt(
        'max_chain_depth', default=16, min=2, max=190,
        help='The largest number of layers that one disk may consist of, '
             'the active one included, the image in _base not counted; '
             'layers that no snapshot names any more are counted. libvirt '
             '10.8 to 11.10 cannot start a domain with more than 24.'),
    cfg.IntOpt(
        'max_snapshots_per_instance', default=10, min=0,
        help='The largest number of snapshots that one instance may have; '
             'safety snapshots are not counted. 0 means no limit.'),
    cfg.FloatOpt(
        'max_snapshot_bytes_per_instance', default=2.0, min=0.0,
        help='The largest number of bytes that the frozen layers of one '
             'instance may occupy, in multiples of the virtual size of its '
             'disks. The layers that a new snapshot freezes are counted '
             'before it is made. 0 means no limit.'),
    cfg.IntOpt(
        'min_free_percent', default=10, min=0, max=100,
        help='No snapshot is made while less than this percentage of the '
             'file system of the instance\'s directory is free.'),
    cfg.IntOpt(
        'safety_keep', default=1, min=1,
        help='How many safety snapshots, which a revert makes of what was '
             'active before it, are kept for one instance. The oldest is '
             'deleted when a newer one exceeds this number.'),
    cfg.IntOpt(
        'lock_timeout', default=60, min=1,
        help='How many seconds a verb waits for another one on the same '
             'instance before it gives up.'),
    cfg.IntOpt(
        'quiesce_timeout', default=10, min=1, max=600,
        help='How many seconds the guest agent has to freeze the file '
             'systems. The freeze is given up and always thawed after that. '
             'Windows thaws by itself after 10 seconds.'),
    cfg.StrOpt(
        'image_user', default='nobody',
        help='The unprivileged user that qemu-img runs as, by root, for an '
             'instance directory that belongs to root. It needs permission '
             'to traverse that directory. For any other directory qemu-img '
             'runs as the directory\'s owner.'),
    cfg.BoolOpt(
        'enabled', default=True,
        help='Whether nova-compute makes local snapshots. If not, "server '
             'image create" does what Nova\'s own driver does, and existing '
             'snapshots can still be reverted to and deleted. The extra spec '
             '"snapdriver:enabled=false" of a flavor turns it off for that '
             'flavor.'),
    cfg.StrOpt(
        'image_payload', default='disk',
        choices=[
            ('disk', 'The frozen disk: a server can be booted from it '
                     'anywhere. It is uploaded while the guest runs on.'),
            ('manifest', 'A document of a few hundred bytes: ready at once, '
                         'whatever the disk\'s size, and good for putting '
                         'that one server back.')],
        help='What "server image create" uploads to Glance when the request '
             'does not say it by the image property '
             '"snapdriver_request_payload".'),
    cfg.StrOpt(
        'on_move', default='refuse',
        choices=[
            ('refuse', 'Refuse, and say so, before anything has changed.'),
            ('flatten', 'For a cold migration or a resize to another host: '
                        'delete the local snapshots and merge their layers '
                        'first. A live migration is still refused.')],
        help='What happens when an instance that has local snapshots is to '
             'be moved to another host.'),
    cfg.StrOpt(
        'auth_section', default='service_user',
        help='The section of nova.conf with the credentials by which '
             'nova-compute looks whether images still exist. They must be '
             'able to see the images of every project, and to make one '
             'private image per host in their own.'),
    cfg.IntOpt(
        'reap_interval', default=300, min=1,
        help='How many seconds pass between two looks at Glance for handles '
             'that were deleted.'),
    cfg.IntOpt(
        'reap_grace', default=3600, min=0,
        help='For how many seconds a handle must have been found missing, '
             'time and again, before its local snapshot is deleted.'),
    cfg.IntOpt(
        'merge_bandwidth', default=0, min=0,
        help='MiB per second that nova-compute copies at most while it '
             'merges the layers of deleted snapshots. 0 means no limit.'),
    cfg.StrOpt(
        'merge_hours', default='', regex=_HOURS,
        help='The hours of the day, in local time, in which nova-compute '
             'begins to merge the layers of deleted snapshots, such as '
             '"22:00-06:00". Empty means at any time. Until then they occupy '
             'their space.'),
    cfg.StrOpt(
        'metrics_textfile', default='',
        help='The file that nova-compute writes its metrics to, for the '
             'textfile collector of Prometheus\' node_exporter; the name has '
             'to end in ".prom". It is replaced atomically, so that Nova\'s '
             'user must be allowed to write in its directory. Needs '
             'prometheus-client. Empty means no metrics.'),
    cfg.IntOpt(
        'metrics_interval', default=60, min=1,
        help='How many seconds pass between two times that the metrics are '
             'written.'),
    cfg.IntOpt(
        'image_memory_limit', default=1024, min=128,
        help='The address space, in MiB, that qemu-img may use to read an '
             'image that a guest could have written.'),
]


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    """The entry point ``oslo.config.opts``; safe to change by the caller."""
    return [(GROUP, copy.deepcopy(_OPTS))]


def register_opts(conf: cfg.ConfigOpts) -> None:
    conf.register_opts(_OPTS, group=GROUP)


def options(conf: cfg.ConfigOpts) -> Any:
    """The group's values; registers the options if nobody has yet."""
    if GROUP not in conf:
        register_opts(conf)
    return conf[GROUP]
