"""From YAML files to the model, with every error at its place."""

from pager.config.inactive import not_active_yet
from pager.config.loader import Loaded, fingerprint, load, load_settings
from pager.config.schema import json_schema
from pager.config.secrets import without_secrets

__all__ = ["Loaded", "fingerprint", "json_schema", "load", "load_settings", "not_active_yet", "without_secrets"]
