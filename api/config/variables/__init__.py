"""Every environment variable that Parlor reads: its type, unit, limits and default.

Real variables win over the optional `.env` file. `make schema` generates `.env.example` from these classes. Add a new
variable to the section of its subject.
"""

from pydantic_settings import BaseSettings, SettingsConfigDict

from api.config.variables.live import LiveVariables
from api.config.variables.process import DEVELOPMENT_SECRET_KEY, ProcessVariables
from api.config.variables.requests import RequestVariables

__all__ = ["DEVELOPMENT_SECRET_KEY", "SUBJECTS", "Environment"]

SUBJECTS = (ProcessVariables, RequestVariables, LiveVariables)


class Environment(ProcessVariables, RequestVariables, LiveVariables, BaseSettings):
    """All variables. `read_environment` builds it and turns errors into one sentence."""

    model_config = SettingsConfigDict(
        env_file_encoding="utf-8", extra="ignore", case_sensitive=True, env_ignore_empty=True
    )
