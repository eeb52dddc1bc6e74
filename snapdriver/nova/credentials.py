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


"""The reaper's own way to Glance: credentials of nova-compute's own.

A user's token would show what that user may see, and is gone by the time.
"""

from collections.abc import Mapping
import re
from typing import Any

from keystoneauth1 import exceptions as ksa_exceptions
from keystoneauth1 import loading
from nova import conf as nova_conf
from nova import exception as nova_exception
from nova import utils as nova_utils
from oslo_config import cfg

from snapdriver import exception

CONF = nova_conf.CONF
_TIMEOUT = 30  # seconds that one request may take
_PATCH = 'application/openstack-images-v2.1-json-patch'
_FAILURES = (ksa_exceptions.ClientException, nova_exception.NovaException,
             cfg.Error)


class Connection:
    """Glance by the credentials of a section of nova.conf.

    Each one authenticates anew, as a token tells the roles of the time when
    it was made.

    :raises ImageServiceFailed: there are none, or they are not accepted.
    """

    def __init__(self, section: str) -> None:
        self.section = section
        try:
            self._auth = _load_auth(section)
            if self._auth is None:
                raise self._failed('it has no auth_type')
            self._session = loading.load_session_from_conf_options(
                CONF, section, auth=self._auth, timeout=_TIMEOUT)
            self._adapter = nova_utils.get_ksa_adapter(
                'image', ksa_auth=self._auth, ksa_session=self._session)
            self._endpoint = self._find_endpoint()
            self.project: str | None = self._access().project_id
        except _FAILURES as error:
            raise self._failed(error) from error

    def identity(self) -> str:
        """See :class:`snapdriver.nova.glance.Connection`."""
        try:
            access = self._access()
        except _FAILURES as error:
            raise self._failed(error) from error
        scope = access.project_id or access.domain_id or 'system'
        roles = ','.join(sorted(access.role_names))
        return (f'{self._endpoint} user={access.user_id} project={scope} '
                f'roles={roles}')

    def request(self, method: str, path: str, query: Mapping[str, str],
                body: Any = None) -> tuple[int, Any]:
        """See :class:`snapdriver.nova.glance.Connection`."""
        headers = {'Accept': 'application/json'}
        if method == 'PATCH':
            headers['Content-Type'] = _PATCH
        try:
            answer = self._adapter.request(
                self._endpoint + path, method, params=dict(query),
                headers=headers, json=body, redirect=False)
        except _FAILURES as error:
            raise self._failed(error) from error
        try:
            return answer.status_code, answer.json()
        except ValueError:
            return answer.status_code, None

    def _access(self) -> Any:
        return self._auth.get_access(self._session)

    def _find_endpoint(self) -> str:
        """Without its version; Nova's own client looks in the same places.

        ``nova.image.glance.get_api_servers``; of several always the same.
        """
        servers = CONF.glance.api_servers
        found = min(servers) if servers else self._adapter.get_endpoint()
        if not found:
            raise self._failed('it is in no catalog')
        return re.sub(r'(/v\d+(\.\d+)?)?/*$', '', found)

    def _failed(self, why: object) -> exception.ImageServiceFailed:
        # Without what differs each time: it is logged once.
        text = re.sub(r'\s*\(Request-ID: [^)]*\)', '', str(why))
        return exception.ImageServiceFailed(
            section=self.section, reason=text.strip().rstrip('.'))


def _load_auth(section: str) -> Any:
    """The section's plugin; its options are registered if Nova has not."""
    loading.register_session_conf_options(CONF, section)
    loading.register_auth_conf_options(CONF, section)
    auth = loading.load_auth_from_conf_options(CONF, section)
    if auth is not None and not hasattr(auth, 'get_access'):
        raise exception.ImageServiceFailed(
            section=section, reason='its auth_type tells no roles')
    return auth
