"""Google's errors as one line with the fix: the role, the API or the quota that is missing."""

import contextlib
import re
from collections.abc import Iterator

import requests
from google.api_core import exceptions
from google.auth import exceptions as auth_exceptions

from preprocessing.errors import InputError

_PERMISSION = re.compile(r"\b([a-z][a-zA-Z]*\.[a-zA-Z]+\.[a-zA-Z]+)\b")
# Beginning of a permission -> the least role that has it; the first that fits.
_ROLES = {
    "storage.buckets.": "roles/storage.admin",
    "storage.objects.": "roles/storage.objectUser",
    "aiplatform.": "roles/aiplatform.user",
    "iam.serviceAccounts.": "roles/iam.serviceAccountUser (on that service account)",
    "artifactregistry.": "roles/artifactregistry.reader (for the Vertex AI Service Agent)",
    "dataflow.": "roles/dataflow.developer",
    "serviceusage.": "roles/serviceusage.serviceUsageConsumer",
}
_SERVICES = {
    "aiplatform": ("roles/aiplatform.user", "aiplatform.googleapis.com"),
    "storage": ("roles/storage.admin", "storage.googleapis.com"),
}
_AGAIN = "The same command goes on from here."


@contextlib.contextmanager
def explained(doing: str, service: str, project: str) -> Iterator[None]:
    """Raises whatever a Google library raises as an InputError.

    Args:
        doing: what was asked for, such as "create the bucket gs://x".
        service: "aiplatform" or "storage".
        project: whose.
    """
    try:
        yield
    except (
        exceptions.GoogleAPIError,
        auth_exceptions.GoogleAuthError,
        requests.exceptions.RequestException,
    ) as error:
        raise InputError(f"could not {doing}: {explanation(error, service, project)}") from error


def explanation(error: Exception, service: str, project: str) -> str:
    """What went wrong and what to do, in one line."""
    if isinstance(error, exceptions.RetryError) and error.cause:
        error = error.cause
    said = _said(error)
    return f"{said}. {_fix(error, said, service, project)}"


def _said(error: Exception) -> str:
    if isinstance(error, exceptions.GoogleAPICallError):
        code = f"{error.code.value} " if error.code else ""
        message = error.message
    else:
        code, message = "", f"{type(error).__name__}: {error}"
    return f"{code}{' '.join(str(message).split()).rstrip('.')[:400]}"


def _fix(error: Exception, said: str, service: str, project: str) -> str:
    role, api = _SERVICES[service]
    if isinstance(error, exceptions.Forbidden):
        return _access_fix(said, role, api, project)
    if isinstance(error, exceptions.Unauthorized | auth_exceptions.GoogleAuthError):
        return (
            "Sign in with `gcloud auth application-default login`, or name a service account's key "
            "in GOOGLE_APPLICATION_CREDENTIALS."
        )
    if isinstance(error, exceptions.NotFound):
        return (
            f"Check --project ({project}), --region and --bucket, and that the API is enabled: "
            f"`gcloud services enable {api} --project {project}`."
        )
    if isinstance(error, exceptions.TooManyRequests):
        return (
            "A quota is used up: find the one that is named in the console (IAM & Admin > Quotas), "
            f"ask for more, or take another --region or --machine_type. {_AGAIN}"
        )
    if isinstance(error, exceptions.ServerError | requests.exceptions.RequestException):
        return f"The service cannot be reached or is overloaded; try again later. {_AGAIN}"
    return f"{_AGAIN}"


def _access_fix(said: str, role: str, api: str, project: str) -> str:
    if "has not been used" in said or "SERVICE_DISABLED" in said or "is disabled" in said:
        return f"Enable the API: `gcloud services enable {api} --project {project}`. {_AGAIN}"
    match = _PERMISSION.search(said)
    permission = match[1] if match else ""
    role = next((role for start, role in _ROLES.items() if permission.startswith(start)), role)
    return (
        f"Your account lacks a role in the project {project}: ask for {role} "
        f"(`gcloud projects add-iam-policy-binding {project} --member=user:YOU "
        f"--role={role.partition(' ')[0]}`). {_AGAIN}"
    )
