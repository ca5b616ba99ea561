"""Addresses of the engines: what a database and a broker may be called, and how they are told without their secrets.

An address may carry a password; it is here because the one rule that nobody may forget, that it is never printed,
should not depend on each message being careful.
"""

from __future__ import annotations

import re
from urllib.parse import SplitResult, quote, unquote, urlsplit

DATABASE_SCHEMES = ("postgresql", "postgres")
BROKER_SCHEME = "kafka"
DEFAULT_BROKER_PORT = 9092
HIDDEN = "***"
_SECRET_KEYS = frozenset({"password", "sslpassword"})
_IN_NAME = re.compile(r"(\w+://[^\s:@/]*):[^\s@/]+@")
_IN_QUERY = re.compile(r"\b((?:ssl)?password=)[^\s&'\"]+")
_DATABASE_FORM = "an address such as postgresql://user@host:5432/name"
_BROKER_FORM = "an address such as kafka://host:9092,other:9092"


def is_database(text: str) -> bool:
    """Whether ``text`` means a database server rather than a directory."""
    return text.partition("://")[0].lower() in DATABASE_SCHEMES and "://" in text


def checked_database(text: str) -> str:
    """The address, as given. Raises ValueError, whose sentence names no secret, where it is none."""
    parts = _split(text, _DATABASE_FORM)
    if parts.scheme not in DATABASE_SCHEMES:
        raise ValueError(f"its scheme must be postgresql; it is {_DATABASE_FORM}")
    # PostgreSQL takes what follows the first @ for the host, and repeats it in its errors.
    if "@" in parts.path or parts.netloc.count("@") > 1:
        raise ValueError(f"a / or @ in a password is spelled %2F or %40; it is {_DATABASE_FORM}")
    if not parts.path.strip("/"):
        raise ValueError(f"it names no database; it is {_DATABASE_FORM}")
    asked = dict(_query(parts))
    if not parts.hostname and "host" not in asked:
        raise ValueError(f"it names no host; it is {_DATABASE_FORM}")
    from psycopg import ProgrammingError
    from psycopg.conninfo import conninfo_to_dict

    try:
        conninfo_to_dict(text)
    except ProgrammingError as error:
        unknown = str(error).strip()
        raise ValueError(unknown if "parameter" in unknown and not _secrets(parts) else _DATABASE_FORM) from None
    return text


def broker_servers(text: str) -> tuple[str, ...]:
    """``kafka://a:1,b`` as ``("a:1", "b:9092")``. Raises ValueError where it is no such address."""
    scheme, found, rest = text.partition("://")
    if not found or scheme.lower() != BROKER_SCHEME:
        raise ValueError(f"its scheme must be kafka; it is {_BROKER_FORM}")
    if "@" in rest:
        raise ValueError(f"it carries no user or password; it is {_BROKER_FORM}")
    servers = []
    for one in rest.rstrip("/").split(","):
        parts = _split(f"kafka://{one.strip()}", _BROKER_FORM)
        if not parts.hostname or parts.path or parts.query or parts.fragment:
            raise ValueError(f"{one.strip()[:80]!r} is no host and port; it is {_BROKER_FORM}")
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        servers.append(f"{host}:{DEFAULT_BROKER_PORT if parts.port is None else parts.port}")
    return tuple(servers)


def redacted(text: str) -> str:
    """The address with ``***`` for every password in it; whatever cannot be read as an address is hidden whole."""
    try:
        parts = urlsplit(text)
        if not parts.scheme or (not parts.netloc and not parts.path):
            return HIDDEN
        if "@" in parts.path:  # a password with a slash in it, not spelled %2F
            return HIDDEN
        user, found, hosts = parts.netloc.rpartition("@")
        name, colon, _ = user.partition(":")
        netloc = f"{name}{colon and ':' + HIDDEN}@{hosts}" if found else parts.netloc
        shown = [(key, HIDDEN if key.lower() in _SECRET_KEYS else value) for key, value in _query(parts)]
    except ValueError:
        return HIDDEN
    return _joined(parts, netloc, shown)


def without_secrets(sentence: str, *addresses: str | None) -> str:
    """The sentence with every password hidden: of any address in it, and of these addresses however they are spelled,
    such as a driver may have repeated in its error."""
    for address in addresses:
        for secret in _secrets(urlsplit(address)) if address else ():
            sentence = sentence.replace(secret, HIDDEN)
    return _IN_NAME.sub(rf"\1:{HIDDEN}@", _IN_QUERY.sub(rf"\1{HIDDEN}", sentence))


def with_password(text: str, password: str) -> str:
    """The database's address with this password, in place of any it carried."""
    parts = urlsplit(text)
    user, _, hosts = parts.netloc.rpartition("@")
    kept = [(key, value) for key, value in _query(parts) if key != "password"]
    name = user.partition(":")[0]
    if name:
        netloc = f"{name}:{quote(password, safe='')}@{hosts}"
    else:
        netloc = hosts
        kept.append(("password", password))
    return _joined(parts, netloc, kept)


def _split(text: str, form: str) -> SplitResult:
    try:
        parts = urlsplit(text)
        port = parts.port  # raises where it is no number of 0 to 65535
    except ValueError:
        raise ValueError(f"it is no address with a port from 1 to 65535; it is {form}") from None
    if port == 0:
        raise ValueError(f"its port is 0; it is {form}")
    return parts


def _query(parts: SplitResult) -> list[tuple[str, str]]:
    # As PostgreSQL reads it: a plus is a plus, not a space.
    pairs = [pair.partition("=") for pair in parts.query.split("&") if pair]
    return [(unquote(key), unquote(value)) for key, _, value in pairs]


def _joined(parts: SplitResult, netloc: str, query: list[tuple[str, str]]) -> str:
    # Not urlunsplit: it drops the two slashes before an empty host, without which PostgreSQL reads no address.
    asked = "&".join(f"{quote(key, safe='')}={quote(value, safe='*/')}" for key, value in query)
    return f"{parts.scheme}://{netloc}{parts.path}{asked and '?' + asked}"


def _secrets(parts: SplitResult) -> set[str]:
    raw = parts.netloc.rpartition("@")[0].partition(":")[2]
    found = {value for key, value in _query(parts) if key.lower() in _SECRET_KEYS}
    return {secret for secret in {*found, raw, unquote(raw)} if secret}
