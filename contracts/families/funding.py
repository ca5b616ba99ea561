"""Money: pledged, committed, disbursed, spent or lapsed by one partner, received or disputed by another.

Stages and their order are those of IATI transactions; a disbursement is a fact of two, so the receiver tells
its half under the same transaction.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from contracts.declaration import Bad, EventType, Family
from contracts.fields import Currency, FiscalYears, Id, MinorAmount, Payload, Text
from contracts.refusals import broken, missing, unknown, wrong


class _Transaction(Payload):
    transaction: Id = Field(description="The transaction's id (IATI transaction/@ref).")
    funding: Id = Field(description="The grant, contract or budget line it belongs to (IATI activity).")
    amount_minor: MinorAmount = Field(description="How much, in the currency's smallest unit (IATI value).")
    currency: Currency = Field(description="ISO 4217 code, such as USD (IATI value/@currency).")
    provider: Id | None = Field(default=None, description="Who gives (IATI provider-org).")
    receiver: Id | None = Field(default=None, description="Who gets (IATI receiver-org).")
    source_type: Literal["federal", "state", "county", "city", "foundation", "insurance", "in_kind", "other"] | None = (
        Field(default=None, description="Where the money comes from in the end.")
    )
    fiscal_years: FiscalYears | None = Field(default=None, description="The fiscal years it is meant for.")


class FundingPledged(_Transaction):
    """Money was promised without being bound (IATI transaction type 13, commitment pledge)."""


class FundingCommitted(_Transaction):
    """Money was firmly committed (IATI transaction type 2, outgoing commitment)."""


class FundingDisbursed(_Transaction):
    """Money was paid out to a partner (IATI transaction type 3, disbursement)."""


class FundingSpent(_Transaction):
    """Money was spent on goods or services (IATI transaction type 4, expenditure)."""


class FundingLapsed(_Transaction):
    """Committed money can no longer be drawn."""


class FundingReceived(Payload):
    """The receiver of a disbursement says what came in (IATI transaction type 1, incoming funds)."""

    transaction: Id = Field(description="The disbursement's transaction.")
    amount_minor: MinorAmount = Field(description="How much came in, in the currency's smallest unit.")
    currency: Currency = Field(description="ISO 4217 code of what came in.")


class FundingDisputed(Payload):
    """The receiver does not agree that it was paid so."""

    transaction: Id = Field(description="The disbursement's transaction.")
    reason: Text = Field(description="What is in dispute.")


def _two_parties(data: dict[str, Any]) -> tuple[str, str] | None:
    if data.get("provider") is not None and data.get("provider") == data.get("receiver"):
        return "/receiver", f"the provider and the receiver are both {data['receiver']!r}"
    return None


_SUBJECT = "transaction/{transaction}"
_T = {"transaction": "tx-1"}
_MONEY: dict[str, Any] = {**_T, "funding": "bja-2025", "amount_minor": 12_500_000, "currency": "USD"}
_WHOLE = {
    **_MONEY,
    "provider": "county",
    "receiver": "lakeside-health",
    "source_type": "federal",
    "fiscal_years": [2025, 2026],
}
_RECEIVED = {**_T, "amount_minor": 12_500_000, "currency": "USD"}
_DISPUTED = {**_T, "reason": "Only the first half has come."}

_BAD = (
    *missing(_MONEY, "transaction", "funding", "amount_minor", "currency"),
    *wrong(_MONEY, transaction="tx 1", amount_minor=0, currency="usd", source_type="lottery", fiscal_years=[]),
    *wrong(_MONEY, amount_minor=10**15 + 1, fiscal_years=[2025, 2025]),
    *wrong(_MONEY, amount_minor=125_000.5),
    Bad({**_MONEY, "fiscal_years": [25]}, "data_invalid", "/data/fiscal_years/0"),
    Bad({**_MONEY, "fiscal_years": [20_255]}, "data_invalid", "/data/fiscal_years/0"),
    *broken({**_WHOLE, "receiver": "county"}, "/receiver"),
    *unknown(_MONEY),
)


def _stage(name: str, model: type[Payload]) -> EventType:
    """The stages differ in what they say of the money, not in what is told."""
    return EventType(name=name, model=model, subject=_SUBJECT, rule=_two_parties, good=(_MONEY, _WHOLE), bad=_BAD)


FAMILY = Family(
    "funding",
    "Funding",
    (
        _stage("funding.pledged", FundingPledged),
        _stage("funding.committed", FundingCommitted),
        _stage("funding.disbursed", FundingDisbursed),
        _stage("funding.spent", FundingSpent),
        _stage("funding.lapsed", FundingLapsed),
        EventType(
            name="funding.received",
            model=FundingReceived,
            subject=_SUBJECT,
            good=(_RECEIVED,),
            bad=(
                *missing(_RECEIVED, "transaction", "amount_minor", "currency"),
                *wrong(_RECEIVED, transaction="tx 1", amount_minor=0, currency="US$"),
                *wrong(_RECEIVED, amount_minor=10**15 + 1),
                *unknown(_RECEIVED),
            ),
        ),
        EventType(
            name="funding.disputed",
            model=FundingDisputed,
            subject=_SUBJECT,
            good=(_DISPUTED,),
            bad=(
                *missing(_DISPUTED, "transaction", "reason"),
                *wrong(_DISPUTED, transaction="tx 1", reason="\u0000"),
                *wrong(_DISPUTED, reason=""),
                *unknown(_DISPUTED),
            ),
        ),
    ),
)
