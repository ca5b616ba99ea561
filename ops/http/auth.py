"""Who is asking, and whether this server may be asked from there at all.

Without credentials the house trusts the machine it runs on and nothing else: it binds to loopback, answers
only to loopback names (so that a hostile web page cannot rebind its own name to us), and refuses requests
another site started.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from contracts.faults import Problem, fault, problem
from contracts.recorded import Accepted, Rejected
from ops.http.problem import Header
from ops.settings import Settings, is_loopback

Role = Literal["agency", "reader", "operator"]

CHALLENGE: tuple[Header, ...] = ((b"www-authenticate", b'Bearer realm="tallystick", Basic realm="tallystick"'),)
_REMEMBERED = 1_024
_MEMBERSHIP = ("agency.joined", "agency.withdrew")


class Credential(BaseModel):
    """One line of the credentials file. ``token_sha256`` is the SHA-256 of the token in hex: the file holds no secret.

    ``kafka_topic`` is a topic of its own on which it may also send; ``kafka_principal`` is who the broker knows it as,
    to whom the broker's own rules give that topic.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, max_length=100)
    role: Role
    agency: str | None = Field(default=None, min_length=1, max_length=200)
    token_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    kafka_topic: str | None = Field(default=None, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$")
    kafka_principal: str | None = Field(default=None, min_length=1, max_length=200)

    @model_validator(mode="after")
    def _an_agency_names_itself(self) -> Credential:
        if (self.role == "agency") != (self.agency is not None):
            raise ValueError("role agency needs an agency, and no other role may have one")
        if self.kafka_topic is not None and self.role == "reader":
            raise ValueError("a reader sends nothing, so it has no kafka_topic")
        return self


@dataclass(frozen=True, slots=True)
class Principal:
    """Who a request speaks for. ``agency`` is set only for the role agency: its events must speak for that
    agency.
    """

    name: str
    role: Role
    agency: str | None = None

    @property
    def may_record(self) -> bool:
        """Whether it may send events."""
        return self.role != "reader"

    @property
    def sender(self) -> str | None:
        """Whose turn its submissions are; None where nobody was asked, and each event's own agency tells."""
        return self.agency or (None if self is TRUSTED_MACHINE else self.name)

    @property
    def may_operate(self) -> bool:
        """Whether it may see what only operators see: raw rejections and quarantine of every agency."""
        return self.role == "operator"


def entitled(submission: Accepted | Rejected, raw: bytes, principal: Principal) -> Accepted | Rejected:
    """The submission, or its refusal where the sender may state but not say this.

    An agency's credential takes no decisions, which are the partnership's and sent by an operator, and says of no
    other agency that it joined or withdrew.
    """
    if principal.agency is None or isinstance(submission, Rejected):
        return submission
    if submission.kind == "decision":
        found = problem(
            "not_allowed",
            f"{submission.type} is a decision, and the credential {principal.name!r} is an agency's",
            "/type",
            hint="Have an operator send it: decisions are the partnership's.",
        )
    elif submission.type in _MEMBERSHIP and submission.data["agency"] != principal.agency:
        found = problem(
            "agency_not_entitled",
            f"the credential is {principal.agency}'s and does not speak for {submission.data['agency']}",
            "/data/agency",
        )
    else:
        return submission
    return Rejected(raw, found, submission.source, submission.id, principal.agency)


TRUSTED_MACHINE = Principal("loopback", "operator")
"""Anyone on this machine, while no credentials are set up."""


def load_credentials(path: Path) -> list[Credential]:
    """The credentials of ``path``: a JSON list. Raises the fault ``settings_invalid``."""
    try:
        found = TypeAdapter(list[Credential]).validate_json(path.read_bytes())
    except OSError as error:
        raise fault("settings_invalid", f"{path} cannot be read: {error}", "/credentials_file") from error
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        where = "/" + "/".join(str(part) for part in first["loc"])
        raise fault("settings_invalid", f"{path} at {where}: {first['msg']}", "/credentials_file") from error
    if len({credential.name for credential in found}) < len(found):
        raise fault("settings_invalid", f"{path}: a name is given twice", "/credentials_file")
    topics = [credential.kafka_topic for credential in found if credential.kafka_topic is not None]
    if len(set(topics)) < len(topics):
        raise fault("settings_invalid", f"{path}: a kafka_topic is given twice", "/credentials_file")
    if not found:
        raise fault("settings_invalid", f"{path} names nobody", "/credentials_file")
    return found


def refuse_open_house(settings: Settings) -> None:
    """Raise the fault ``loopback_only`` when the server would listen beyond loopback without credentials."""
    if settings.credentials_file is None and not is_loopback(settings.host):
        raise fault(
            "loopback_only",
            f"will not listen on {settings.host}: no credentials_file is set, so anyone who can reach it "
            "could record and read",
            "/host",
        )


class Gate:
    """Decides for each request who is asking, from its headers alone.

    ``open`` is true while no credentials are set up. Verdicts on Authorization headers are remembered (at
    most 1,024), so that a busy sender costs one hash, not one a request.
    """

    def __init__(self, credentials: list[Credential] | None) -> None:
        self.open = credentials is None
        self._by_token = {credential.token_sha256: credential for credential in credentials or ()}
        self._known: dict[bytes, Principal] = {}

    @classmethod
    def of(cls, settings: Settings) -> Gate:
        """The gate these settings ask for. Raises the faults ``settings_invalid`` and ``loopback_only``."""
        refuse_open_house(settings)
        path = settings.credentials_path
        return cls(None if path is None else load_credentials(path))

    def admit(self, host: bytes, authorization: bytes, origin: bytes) -> Principal | Problem:
        """The principal of a request with these header values (``b""`` where absent), or why it is turned
        away.
        """
        if origin and origin.split(b"://", 1)[-1] != host:
            return problem(
                "not_allowed",
                f"the request was started by another site, {origin.decode('latin-1')[:200]}",
                hint="Send it from this server's own pages or from a program.",
            )
        if self.open:
            if not is_loopback(_name_of(host)):
                return problem(
                    "not_allowed",
                    f"Host {host.decode('latin-1')[:200]!r} is not a name of this machine",
                    hint="Use http://127.0.0.1 or http://localhost, or set up credentials.",
                )
            return TRUSTED_MACHINE
        known = self._known.get(authorization)
        if known is not None:
            return known
        verdict = self._verify(authorization)
        if isinstance(verdict, Principal):
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[authorization] = verdict
        return verdict

    def _verify(self, authorization: bytes) -> Principal | Problem:
        scheme, _, rest = authorization.partition(b" ")
        name: str | None = None
        token = rest.strip()
        if scheme.lower() == b"basic":
            try:
                user, _, token = base64.b64decode(token, validate=True).partition(b":")
                name = user.decode("utf-8")
            except (binascii.Error, UnicodeDecodeError):
                token = b""
        elif scheme.lower() != b"bearer":
            token = b""
        # Looking the digest up is safe: a timing difference tells about the digest, which does not give
        # the token.
        credential = self._by_token.get(hashlib.sha256(token).hexdigest()) if token else None
        if credential is None or (name is not None and name != credential.name):
            if not authorization:
                return problem("credentials_missing")
            return problem("credentials_invalid")
        return Principal(credential.name, credential.role, credential.agency)


def _name_of(host: bytes) -> str:
    text = host.decode("latin-1")
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.rpartition(":")[0] if text.count(":") == 1 else text
