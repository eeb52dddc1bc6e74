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

"""Deletes a server softly, by nova-api's own code: CONFIGURATION UUID."""

import sys

from nova import config
from nova import context
from nova import objects
from nova.compute import api

config.parse_args(['nova-api', '--config-file', sys.argv[1]])
objects.register_all()
admin = context.get_admin_context()
servers = api.API()
servers.soft_delete(admin, servers.get(admin, sys.argv[2]))
