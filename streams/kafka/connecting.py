"""How the brokers are reached: their addresses, and how a client shows who it is.

Here so that relay, intake and administration connect alike, and a broker that is away is told from a broken program
in one place.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from aiokafka.errors import (
    AuthenticationFailedError,
    IncompatibleBrokerVersion,
    KafkaError,
    TopicAuthorizationFailedError,
    UnsupportedSaslMechanismError,
)

REQUEST_TIMEOUT_MS: Final = 10_000
AWAY: Final = (KafkaError, OSError, TimeoutError)
"""The broker cannot be reached, is starting, or refuses for now: to be tried again, never a reason to skip anything."""

_REFUSED: Final = (
    AuthenticationFailedError,
    IncompatibleBrokerVersion,
    TopicAuthorizationFailedError,
    UnsupportedSaslMechanismError,
)


@dataclass(frozen=True, slots=True)
class Brokers:
    """The brokers of one cluster. ``servers`` are ``host:port``; ``options`` go to every aiokafka client as they are
    (``security_protocol``, ``sasl_mechanism``, ``ssl_context`` …)."""

    servers: tuple[str, ...]
    options: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def with_password(cls, servers: tuple[str, ...], user: str, password: str, *, tls: bool) -> Brokers:
        """SASL SCRAM-SHA-512, over TLS with the machine's own authorities unless that is switched off."""
        options: dict[str, Any] = {
            "security_protocol": "SASL_SSL" if tls else "SASL_PLAINTEXT",
            "sasl_mechanism": "SCRAM-SHA-512",
            "sasl_plain_username": user,
            "sasl_plain_password": password,
        }
        if tls:
            options["ssl_context"] = ssl.create_default_context()
        return cls(servers, options)

    def client(self) -> dict[str, Any]:
        """The arguments with which a client is made."""
        return {
            "bootstrap_servers": list(self.servers),
            "request_timeout_ms": REQUEST_TIMEOUT_MS,
            **self.options,
        }


def away_text(error: BaseException) -> str:
    """An error of a broker in a sentence, saying where it will not go away by itself."""
    told = f"{type(error).__name__}: {error}"[:500]
    return f"{told} (the broker's rights or version are to be changed)" if isinstance(error, _REFUSED) else told
