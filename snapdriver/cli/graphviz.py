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

"""Graphviz, which makes a picture of what :mod:`snapdriver.graph` says."""

from oslo_concurrency import processutils

from snapdriver import exception


def svg(text: str) -> bytes:
    """That graph as an SVG image.

    :raises PictureFailed: Graphviz is not installed, or has failed.
    """
    try:
        image, _ = processutils.execute(
            'dot', '-Tsvg', process_input=text.encode(), binary=True)
    except FileNotFoundError as error:
        raise exception.PictureFailed(reason='it is not there') from error
    except (OSError, processutils.ProcessExecutionError) as error:
        raise exception.PictureFailed(
            reason=_last(getattr(error, 'stderr', None)) or str(error)
        ) from error
    return bytes(image)


def _last(said: bytes | str | None) -> str:
    """The last line that it has said."""
    text = said.decode(errors='replace') if isinstance(said, bytes) else said
    return ((text or '').strip().splitlines() or [''])[-1].rstrip('.')
