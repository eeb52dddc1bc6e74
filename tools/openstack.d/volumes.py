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

"""A stand-in for Cinder: what Nova and a tenant ask of it, and no more.

A volume is a sparse file in the directory VOLUMES. While it is attached it has
a loop device, and that is what the compute host is told to use: always the
same one, as Nova does not ask again when its host has booted. Whoever asks is
believed: everybody sees all volumes.
"""

from collections.abc import Iterator
import contextlib
import json
import os
import pathlib
import subprocess
import threading
from typing import Any
import uuid

import flask
import werkzeug.exceptions

_Record = dict[str, Any]
_Table = dict[str, _Record]

_HOME = pathlib.Path(os.environ['VOLUMES'])
_FILE = _HOME / 'volumes.json'
_LOCK = threading.Lock()
_VOLUME: _Record = {
    'status': 'available', 'description': None, 'metadata': {},
    'availability_zone': 'nova', 'bootable': 'false', 'multiattach': False,
    'created_at': '2026-01-01T00:00:00', 'encrypted': False,
    'volume_type': None, 'snapshot_id': None, 'shared_targets': False,
    'service_uuid': None}

application = flask.Flask(__name__)
application.url_map.strict_slashes = False


@contextlib.contextmanager
def _tables() -> Iterator[tuple[_Table, _Table]]:
    """Volumes and attachments; what is done to them stays if it succeeds."""
    with _LOCK:
        tables = (json.loads(_FILE.read_text()) if _FILE.exists() else
                  ({}, {}))
        yield tables
        new = _FILE.with_suffix('.new')
        new.write_text(json.dumps(tables, indent=1))
        new.replace(_FILE)


def _find(table: _Table, identity: str) -> _Record:
    if identity not in table:
        flask.abort(404, f'there is no {identity}')
    return table[identity]


def _put(table: _Table, record: _Record) -> _Record:
    record['id'] = str(uuid.uuid4())
    table[record['id']] = record
    return record


def _expect(volume: _Record, status: str | None) -> None:
    if volume['status'] != status:
        flask.abort(400, f'volume {volume["id"]} is {volume["status"]}')


def _losetup(*words: str | pathlib.Path) -> str:
    return subprocess.run(['losetup', *words], check=True, text=True,
                          stdout=subprocess.PIPE).stdout.strip()


def _device(volume: str) -> str:
    """The path of a volume's loop device; empty if it has none."""
    return _losetup('--noheadings', '--output', 'NAME', '--associated',
                    _HOME / volume)


def _restore() -> None:
    """The devices that the machine had before it was off."""
    with _tables() as (_, attachments):
        for one in attachments.values():
            if one['path'] and not _device(one['volume_id']):
                _losetup(one['path'], _HOME / one['volume_id'])


def _volume(volume: _Record, attachments: _Table) -> _Record:
    return volume | {'attachments': [
        {'id': volume['id'], 'volume_id': volume['id'], 'host_name': None,
         'attachment_id': one['id'], 'server_id': one['instance'],
         'device': one['device']} for one in attachments.values()
        if one['volume_id'] == volume['id'] and one['status'] != 'reserved']}


def _attachment(one: _Record) -> _Record:
    info = {'driver_volume_type': 'local', 'device_path': one['path'],
            'access_mode': 'rw', 'encrypted': False,
            'attachment_id': one['id']} if one['path'] else {}
    return {'attachment': one | {'connection_info': info}}


@application.errorhandler(werkzeug.exceptions.HTTPException)
def refuse(error: werkzeug.exceptions.HTTPException) -> Any:
    return {'error': {'code': error.code,
                      'message': error.description}}, error.code


@application.get('/')
@application.get('/v3')
def versions() -> Any:
    return {'versions': [{
        'id': 'v3.0', 'status': 'CURRENT', 'version': '3.48',
        'min_version': '3.0', 'links': [
            {'rel': 'self', 'href': f'{flask.request.host_url}v3/'}]}]}


@application.post('/v3/volumes')
def create_volume() -> Any:
    wanted = flask.request.get_json()['volume']
    with _tables() as (volumes, attachments):
        volume = _put(volumes, _VOLUME | {
            'size': int(wanted['size']), 'name': wanted.get('name')})
        with open(_HOME / volume['id'], 'xb') as file:
            file.truncate(volume['size'] << 30)
        return {'volume': _volume(volume, attachments)}, 202


@application.get('/v3/volumes')
@application.get('/v3/volumes/detail')
def list_volumes() -> Any:
    name = flask.request.args.get('name')
    with _tables() as (volumes, attachments):
        return {'volumes': [
            _volume(volume, attachments) for volume in volumes.values()
            if name in (None, volume['name'])]}


@application.get('/v3/volumes/<identity>')
def show_volume(identity: str) -> Any:
    with _tables() as (volumes, attachments):
        return {'volume': _volume(_find(volumes, identity), attachments)}


@application.delete('/v3/volumes/<identity>')
def delete_volume(identity: str) -> Any:
    with _tables() as (volumes, _):
        _expect(_find(volumes, identity), 'available')
        del volumes[identity]
        (_HOME / identity).unlink()
        return '', 202


@application.post('/v3/volumes/<identity>/action')
def act_on_volume(identity: str) -> Any:
    old, new = {
        'os-begin_detaching': ('in-use', 'detaching'),
        'os-roll_detaching': ('detaching', 'in-use'),
    }.get(next(iter(flask.request.get_json())), (None, None))
    with _tables() as (volumes, _):
        volume = _find(volumes, identity)
        _expect(volume, old)
        volume['status'] = new
        return '', 202


@application.post('/v3/attachments')
def create_attachment() -> Any:
    wanted = flask.request.get_json()['attachment']
    server = wanted['instance_uuid']
    with _tables() as (volumes, attachments):
        volume = _find(volumes, wanted['volume_uuid'])
        # A server reserves its own again before it gives it up, for a rebuild.
        if (volume['id'], server) not in (
                (one['volume_id'], one['instance'])
                for one in attachments.values()):
            _expect(volume, 'available')
            volume['status'] = 'reserved'
        return _attachment(_put(attachments, {
            'status': 'reserved', 'volume_id': volume['id'],
            'instance': server, 'device': None, 'path': None,
            'attach_mode': 'rw'}))


@application.get('/v3/attachments')
def list_attachments() -> Any:
    server = flask.request.args.get('instance_id')
    with _tables() as (_, attachments):
        return {'attachments': [one for one in attachments.values()
                                if server in (None, one['instance'])]}


@application.get('/v3/attachments/<identity>')
def show_attachment(identity: str) -> Any:
    with _tables() as (_, attachments):
        return _attachment(_find(attachments, identity))


@application.put('/v3/attachments/<identity>')
def update_attachment(identity: str) -> Any:
    connector = flask.request.get_json()['attachment']['connector']
    with _tables() as (volumes, attachments):
        one = _find(attachments, identity)
        one.update(status='attaching', device=connector.get('mountpoint'),
                   path=_device(one['volume_id']) or _losetup(
                       '--find', '--show', _HOME / one['volume_id']))
        volumes[one['volume_id']]['status'] = 'attaching'
        return _attachment(one)


@application.post('/v3/attachments/<identity>/action')
def complete_attachment(identity: str) -> Any:
    with _tables() as (volumes, attachments):
        one = _find(attachments, identity)
        one['status'] = 'attached'
        volumes[one['volume_id']]['status'] = 'in-use'
        return '', 204


@application.delete('/v3/attachments/<identity>')
def delete_attachment(identity: str) -> Any:
    with _tables() as (volumes, attachments):
        one = _find(attachments, identity)
        del attachments[identity]
        volume = volumes[one['volume_id']]
        left = [other['status'] for other in attachments.values()
                if other['volume_id'] == volume['id']]
        volume['status'] = left[0] if left else 'available'
        if not left and (device := _device(volume['id'])):
            _losetup('--detach', device)
        return {'attachments': []}


_restore()
