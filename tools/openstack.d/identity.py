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

"""Makes projects, users and endpoints: identity.py PASSWORD TYPE=URL..."""

import sys

import openstack

SERVICES = {'image': 'glance', 'placement': 'placement', 'compute': 'nova',
            'network': 'neutron', 'block-storage': 'volumes'}


def main(password: str, *urls: str) -> None:
    identity = openstack.connect().identity
    roles = {role.name: role for role in identity.roles()}

    def user(name: str, project_name: str, *role_names: str) -> None:
        project = (identity.find_project(project_name)
                   or identity.create_project(name=project_name,
                                              domain_id='default'))
        found = (identity.find_user(name)
                 or identity.create_user(name=name, password=password,
                                         domain_id='default',
                                         default_project_id=project.id))
        for role in role_names:
            identity.assign_project_role_to_user(project, found, roles[role])

    for name in SERVICES.values():
        user(name, 'service', 'admin', 'service')
    for name in ('demo', 'other', 'tenant'):
        user(name, name, 'member')

    known = {service.type: service for service in identity.services()}
    for kind, url in (entry.split('=', 1) for entry in urls):
        service = known.get(kind) or identity.create_service(
            name=SERVICES[kind], type=kind)
        have = {endpoint.interface for endpoint
                in identity.endpoints(service_id=service.id)}
        for interface in {'public', 'internal', 'admin'} - have:
            identity.create_endpoint(service_id=service.id, url=url,
                                     interface=interface,
                                     region_id='RegionOne')


main(*sys.argv[1:])
