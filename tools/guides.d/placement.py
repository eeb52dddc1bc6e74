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

"""A Placement that says which versions it has, and then is not available.

Without the first nova-compute does not start; the second it survives, time
and again. ``python3 placement.py PORT``.
"""

from http import server
import json
import sys

_VERSIONS = json.dumps({'versions': [{
    'id': 'v1.0', 'status': 'CURRENT', 'min_version': '1.0',
    'max_version': '1.39', 'links': [{'rel': 'self', 'href': ''}]}]}).encode()


class Handler(server.BaseHTTPRequestHandler):
    def answer(self) -> None:
        known = self.path == '/'
        self.send_response(200 if known else 503)
        self.send_header('Content-Type', 'application/json')
        self.end_headers()
        self.wfile.write(_VERSIONS if known else b'{}')

    do_GET = do_POST = do_PUT = do_DELETE = answer


if __name__ == '__main__':
    server.HTTPServer(('127.0.0.1', int(sys.argv[1])),
                      Handler).serve_forever()
