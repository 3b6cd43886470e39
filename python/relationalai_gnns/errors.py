"""The exceptions of this package. All derive from GNNError; each also from the built-in that fits it, so that
`except ValueError` and `except GNNError` both work.

A problem document of the host (docs/host.md: `urn:gnn-rle:problem:NAME`) becomes the exception that PROBLEMS gives for
its NAME, with the host's own words.
"""

from __future__ import annotations

import builtins
from typing import Any, Mapping, Optional


class GNNError(Exception):
    """Base of all errors of this package.

    Attributes:
        message: what was found where, and what was expected.
        field: the argument or the place in the request that it is about; None where it is about none.
        advice: what to do; None where the message says it.
        problem: the host's problem document, where the host refused; else None.
        code: a short name of where it happened; None where there is none.
    """

    def __init__(
        self,
        message: str = "",
        code: Optional[str] = None,
        *,
        field: Optional[str] = None,
        advice: Optional[str] = None,
        problem: Optional[Mapping[str, Any]] = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.field = field
        self.advice = advice
        self.problem = dict(problem) if problem is not None else None

    def __str__(self) -> str:
        return f"{self.message}\n{self.advice}" if self.advice else self.message


class ValidationError(GNNError, ValueError):
    """An argument, a table, a task or a specification is not as it must be."""


class NotFoundError(GNNError, KeyError):
    """There is no job, engine, table or column of that name."""


class ConflictError(ValidationError):
    """The name is taken, the output exists already, or the job is in a state that does not allow it."""


class NotBuiltError(GNNError, NotImplementedError):
    """The call is part of the interface, but what it needs is not built yet; the text names the part."""


class ConnectionError(GNNError, builtins.ConnectionError):
    """The host can't be reached, or what answers is not a host."""


class HostTimeoutError(ConnectionError, TimeoutError):
    """The host did not answer in time."""


class HostVersionError(ConnectionError):
    """The host speaks another version of the interface."""


class HostStartError(ConnectionError):
    """The host of this machine could not be started."""


class AuthenticationError(ConnectionError, builtins.PermissionError):
    """The host does not take the token."""


class AccessError(GNNError, builtins.PermissionError):
    """The host, or the job, may not read or write something."""


class HostIOError(GNNError, OSError):
    """The host could not read or write a file, such as one of its state folder on a disk that is full."""


class BusyError(GNNError, RuntimeError):
    """The host takes no request at the moment."""


class InternalError(GNNError, RuntimeError):
    """Something went wrong inside the host or this package that the caller could not avoid."""


class MissingPackageError(GNNError, ImportError):
    """An optional package is not installed; the text has the line that installs it."""


class JobError(GNNError, RuntimeError):
    """Base of errors about jobs."""


class JobManagerError(JobError):
    """JobManager could not do what was asked."""


class JobHandlerError(JobError):
    """JobHandler could not do what was asked."""


class JobMonitorError(JobError):
    """JobMonitor could not do what was asked, such as telling a result before the job's end."""


class JobTimeoutError(JobMonitorError, TimeoutError):
    """wait(timeout) ended before the job did; the job goes on."""


class JobCanceledError(JobMonitorError):
    """The job was canceled."""


class JobFailedError(JobMonitorError):
    """The job failed. Its subclasses tell why."""


class JobDataError(JobFailedError, ValueError):
    """The job failed for the data that it read, or for its specification."""


class JobIOError(JobFailedError, OSError):
    """The job could not read or write a file or a database."""


class JobNumericError(JobFailedError, ArithmeticError):
    """The job met numbers that are no numbers."""


class JobKilledError(JobFailedError):
    """The job's process was ended by a signal that nobody sent."""


class JobMemoryError(JobFailedError, MemoryError):
    """The job needed more memory than it may take."""


class JobCredentialsError(JobFailedError, builtins.PermissionError):
    """Credentials that were given by value did not survive a restart of the host."""


class ModelManagerError(GNNError, RuntimeError):
    """ModelManager could not do what was asked."""


class GNNWarning(UserWarning):
    """What a job or the host warns of."""


PROBLEMS: Mapping[str, type[GNNError]] = {
    "invalid-request": ValidationError,
    "invalid-specification": ValidationError,
    "unauthorized": AuthenticationError,
    "forbidden": AccessError,
    "not-found": NotFoundError,
    "conflict": ConflictError,
    "method-not-allowed": InternalError,
    "too-large": ValidationError,
    "unsupported-media-type": InternalError,
    "time-out": HostTimeoutError,
    "not-built": NotBuiltError,
    "busy": BusyError,
    "internal": InternalError,
    "io": HostIOError,
}

# The same names in a job's `error`.
JOB_PROBLEMS: Mapping[str, type[JobFailedError]] = {
    "invalid-request": JobDataError,
    "invalid-specification": JobDataError,
    "data": JobDataError,
    "io": JobIOError,
    "numeric": JobNumericError,
    "killed": JobKilledError,
    "out-of-memory": JobMemoryError,
    "lost-credentials": JobCredentialsError,
}

_BY_STATUS: Mapping[int, type[GNNError]] = {
    400: ValidationError,
    401: AuthenticationError,
    403: AccessError,
    404: NotFoundError,
    409: ConflictError,
    413: ValidationError,
    422: ValidationError,
    501: NotBuiltError,
    503: BusyError,
}


def problem_name(problem: Mapping[str, Any]) -> str:
    """NAME of `urn:gnn-rle:problem:NAME`; "" where the type has another form."""
    kind = str(problem.get("type", ""))
    return kind.rsplit(":", 1)[1] if kind.startswith("urn:gnn-rle:problem:") else ""


def _from(kind: type[GNNError], problem: Mapping[str, Any], prefix: str = "") -> GNNError:
    text = str(problem.get("detail") or problem.get("title") or "the host gave no reason")
    return kind(prefix + text, field=problem.get("field"), advice=problem.get("advice"), problem=problem)


def from_problem(problem: Mapping[str, Any], status: int) -> GNNError:
    """The exception for a problem document that answered a request with `status`."""
    kind = PROBLEMS.get(problem_name(problem)) or _BY_STATUS.get(status, InternalError)
    return _from(kind, problem)


def from_job(job_id: str, problem: Optional[Mapping[str, Any]]) -> JobFailedError:
    """The exception for the `error` of a job that failed."""
    if problem is None:
        return JobFailedError(f"job {job_id} failed; the host gave no reason")
    kind = JOB_PROBLEMS.get(problem_name(problem), JobFailedError)
    error = _from(kind, problem, f"job {job_id} failed: ")
    assert isinstance(error, JobFailedError)
    return error
