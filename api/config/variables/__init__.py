"""Every variable that Parlor reads from its environment: its type, unit, bounds and default.

Real variables win over the optional `.env` file. `.env.example` is made of these classes (`make schema`). A new
variable goes into the section of its subject.
"""

from pydantic_settings import BaseSettings, SettingsConfigDict

from api.config.variables.live import LiveVariables
from api.config.variables.process import DEVELOPMENT_SECRET_KEY, ProcessVariables
from api.config.variables.requests import RequestVariables

__all__ = ["DEVELOPMENT_SECRET_KEY", "SUBJECTS", "Environment"]

SUBJECTS = (ProcessVariables, RequestVariables, LiveVariables)


class Environment(ProcessVariables, RequestVariables, LiveVariables, BaseSettings):
    """The variables, by subject. `read_environment` builds it and turns errors into a sentence."""

    model_config = SettingsConfigDict(
        env_file_encoding="utf-8", extra="ignore", case_sensitive=True, env_ignore_empty=True
    )
