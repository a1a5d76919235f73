"""Reads the environment variables, and refuses values that are invalid or unsafe in production."""

import os

from pydantic import ValidationError

from api.config.values import ROOT, Deployment
from api.config.variables import DEVELOPMENT_SECRET_KEY, Environment

__all__ = ["ROOT", "Deployment", "Environment", "EnvironmentRefused", "read_environment"]

MIN_SECRET_KEY_LENGTH = 50


class EnvironmentRefused(Exception):  # noqa: N818 - an answer to the operator, not a bug
    """The environment cannot be used. The text is one sentence for the operator, without secret values."""


def read_environment() -> Environment:
    """Read the variables, and `.env` (or the file that PARLOR_ENV_FILE names; empty means none).

    Raises EnvironmentRefused for a value of the wrong type or out of range, and for what production forbids.
    """
    env_file = os.environ.get("PARLOR_ENV_FILE", str(ROOT / ".env")) or None
    try:
        environment = Environment(_env_file=env_file)  # type: ignore[call-arg]  # pydantic-settings takes it
    except ValidationError as error:
        raise EnvironmentRefused(_sentence(error)) from None
    _check_production(environment)
    return environment


def _sentence(error: ValidationError) -> str:
    # Without the value itself, which may be a secret.
    faults = [f"{fault['loc'][0]}: {fault['msg']}" for fault in error.errors(include_input=False)]
    return f"Parlor cannot use its environment: {'; '.join(faults)}."


def _check_production(environment: Environment) -> None:
    if environment.ENVIRONMENT is not Deployment.PRODUCTION:
        return
    if environment.SECRET_KEY == DEVELOPMENT_SECRET_KEY:
        raise EnvironmentRefused(
            "Parlor does not start in production with the development SECRET_KEY: set your own."
        )
    if len(environment.SECRET_KEY) < MIN_SECRET_KEY_LENGTH:
        raise EnvironmentRefused(
            f"Parlor does not start in production with a SECRET_KEY of fewer than {MIN_SECRET_KEY_LENGTH} characters."
        )
    if environment.DEBUG:
        raise EnvironmentRefused("Parlor does not start in production with DEBUG on.")
