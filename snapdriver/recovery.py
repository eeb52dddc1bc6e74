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

"""Finishing or undoing what was interrupted (invariant I4)."""

from oslo_log import log as logging

from snapdriver import adoption
from snapdriver import cleanup
from snapdriver import deletion
from snapdriver import exception
from snapdriver import exporting
from snapdriver import instance as instances
from snapdriver import jobs
from snapdriver import mergeswitch
from snapdriver import merging
from snapdriver import model
from snapdriver import reunion
from snapdriver import thawing
from snapdriver.backends import internal_tags
from snapdriver.backends import materialise

LOG = logging.getLogger(__name__)


def recover(instance: instances.Instance,
            backends: deletion.Backends) -> list[str]:
    """Finish or undo the operation that the state has; safe at any time.

    :param backends: loads them, by kind.
    :returns: one sentence for each thing that was done.
    :raises Unfinished: it cannot be done now.
    """
    done = []
    operation = instance.state.operation
    if operation is not None:
        try:
            result = _operation(instance, operation, backends)
        except (exception.SnapdriverError, KeyError, TypeError, ValueError,
                AttributeError) as error:  # the latter: it was edited
            raise exception.Unfinished(
                domain=instance.name, verb=operation.verb,
                phase=operation.phase, reason=str(error)) from error
        done.append(f'the interrupted {operation.verb} was {result}')
        LOG.warning('Recovered %(name)s (%(uuid)s): the %(verb)s interrupted '
                    'in phase %(phase)s was %(result)s',
                    {'name': instance.name, 'uuid': instance.uuid,
                     'verb': operation.verb, 'phase': operation.phase,
                     'result': result})
    merging.halt(instance)
    for job in jobs.of_type(instance.state, jobs.EXPORT):
        if not exporting.is_alive(job):
            done.append(exporting.clean(instance, job))
    done += materialise.clean_dead(instance)
    deletion.sweep(instance, backends)
    internal_tags.retry(instance)
    if not thawing.retry(instance):
        LOG.warning('The guest agent of %(name)s is silent still; a thaw is '
                    'owed to it', {'name': instance.name})
    if instance.folder is not None:
        cleanup.sweep_folder(instance)
        cleanup.sweep_names(instance)
        cleanup.forget_if_bare(instance)
    return done


def _operation(instance: instances.Instance, operation: model.Operation,
               backends: deletion.Backends) -> str:
    if operation.verb == 'delete':
        deletion.finish(instance, backends)
        return 'finished'
    if operation.verb == 'reunite':
        reunion.resume(instance)
        return 'finished'
    if operation.verb == 'merge':
        return mergeswitch.recover(instance)
    if operation.verb == 'adopt':
        adoption.finish(instance)
        return 'finished'
    backend = backends().get(operation.kind)
    if backend is None:
        raise exception.BackendNotFound(
            kind=operation.kind, kinds=', '.join(sorted(backends())))
    return backend.recover(instance)
