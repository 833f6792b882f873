"""Which integration a key belongs to."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable

from pager.model.config import Config
from pager.model.service import Integration


class Keyring:
    """Looks keys up by a digest under a secret of this process, so that how long it takes says nothing about any key. Integrations of
    different kinds may share one."""

    def __init__(self, config: Callable[[], Config]) -> None:
        self._config = config
        self._secret = secrets.token_bytes(32)
        self._of: Config | None = None
        self._known: dict[bytes, Integration] = {}

    def find(self, kind: str, key: str) -> Integration | None:
        config = self._config()
        if config is not self._of:
            self._known = {self._digest(i.kind, i.key): i for i in config.integrations.values() if i.key}
            self._of = config
        found = self._known.get(self._digest(kind, key))
        return found if found is not None and hmac.compare_digest(_bytes(found.key), _bytes(key)) else None

    def _digest(self, kind: str, key: str) -> bytes:
        return hashlib.blake2b(b"%b\0%b" % (_bytes(kind), _bytes(key)), key=self._secret, digest_size=32).digest()


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogatepass")
