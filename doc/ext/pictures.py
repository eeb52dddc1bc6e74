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

"""Pictures of the documentation, drawn by snapdriver's own code.

``.. snapdriver-tree:: SCENE``
    what ``snapdriver snapshot list --tree`` prints of it
``.. snapdriver-graph:: SCENE``
    what ``snapdriver domain graph`` makes of it; needs Graphviz
"""

from typing import Any

from docutils import nodes
from docutils.parsers.rst import directives
import scenes
from sphinx.ext import graphviz
from sphinx.util import docutils

from snapdriver import description
from snapdriver import graph
from snapdriver import model
from snapdriver.cli import columns
from snapdriver.cli import screen
from snapdriver.cli import tree


class Tree(docutils.SphinxDirective):
    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        scene = scenes.scene(self.arguments[0])
        name = scene.state.name
        text = '\n'.join([
            f'# snapdriver snapshot list {name} --tree',
            *tree.draw(name, description.describe_all(scene),
                       screen.Screen('utf-8'), scene.now)])
        return [nodes.literal_block(text, text, language='console')]


class Graph(docutils.SphinxDirective):
    required_arguments = 1
    option_spec = {'alt': directives.unchanged_required}

    def run(self) -> list[nodes.Node]:
        scene = scenes.scene(self.arguments[0])
        sizes = {info.id: columns.human_size(info.size)
                 for info in description.describe_all(scene)}
        node = graphviz.graphviz()
        node['code'] = graph.draw(scene.state, model.Power.RUNNING, sizes)
        node['options'] = {'docname': self.env.docname}
        node['alt'] = self.options.get('alt', 'layers and snapshots')
        self.set_source_info(node)
        return [node]


def setup(app: Any) -> dict[str, bool]:
    app.setup_extension('sphinx.ext.graphviz')
    app.add_directive('snapdriver-tree', Tree)
    app.add_directive('snapdriver-graph', Graph)
    return {'parallel_read_safe': True, 'parallel_write_safe': True}
