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

"""Sphinx configuration of the documentation."""

from importlib import metadata
import pathlib
import sys

# Where the extension "pictures" is.
sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / 'ext'))

project = 'snapdriver'
copyright = 'the snapdriver contributors'
# openstackdocstheme would ask pbr, which needs the history of git; a package
# that is installed knows.
release = version = metadata.version('snapdriver')

extensions = [
    'cliff.sphinxext',
    'openstackdocstheme',
    'oslo_config.sphinxconfiggen',
    'oslo_config.sphinxext',
    'pictures',
    'sphinx.ext.autodoc',
]
exclude_patterns = []

html_theme = 'openstackdocs'
pygments_style = 'native'
add_module_names = False

openstackdocs_auto_name = False
openstackdocs_auto_version = False
openstackdocs_projects = [
    'nova',
    'oslo.config',
    'oslo.privsep',
]

autodoc_member_order = 'bysource'
autodoc_typehints = 'signature'
autodoc_preserve_defaults = True

# Sharp at any size, and its texts can be searched and copied.
graphviz_output_format = 'svg'

autoprogram_cliff_application = 'snapdriver'

config_generator_config_file = [
    ('../../etc/snapdriver/config-generator.conf', '_static/snapdriver'),
]
