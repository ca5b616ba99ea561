"""The rules of an agreement, as given / when / then."""

from __future__ import annotations

from functools import partial

import pytest

from domain.agreement import AgreementRules
from domain.decider import Fact
from tests.domain import given as telling

SIGNED = Fact("agreement.signed", {"agreement": "mou", "parties": ["county", "clinic"]})
ENDED = Fact("agreement.ended", {"agreement": "mou", "kind": "expired"})
AMENDED = Fact("agreement.amended", {"agreement": "mou", "expires": "2028-12-31"})
JOINED = Fact("agreement.amended", {"agreement": "mou", "parties": ["county", "clinic", "school"]})


def made(commitment: str = "c1", obligor: str = "clinic", obligee: str = "county") -> Fact:
    data = {"agreement": "mou", "commitment": commitment, "obligor": obligor, "obligee": obligee}
    return Fact("commitment.made", data)


given = partial(telling.given, AgreementRules())
decided = partial(telling.decided, AgreementRules())
refusal = partial(telling.refusal, AgreementRules())


def test_an_agreement_is_signed_once() -> None:
    assert decided(given(), SIGNED) == [SIGNED]
    assert refusal(given(SIGNED), SIGNED) == ("agreement_already_signed", "/data/agreement")
    assert refusal(given(SIGNED, ENDED), SIGNED) == ("agreement_already_signed", "/data/agreement")


@pytest.mark.parametrize("fact", [AMENDED, ENDED, made()])
def test_nothing_happens_under_an_agreement_nobody_signed(fact: Fact) -> None:
    assert refusal(given(), fact) == ("agreement_not_signed", "/data/agreement")


@pytest.mark.parametrize("fact", [AMENDED, ENDED, made()])
def test_nothing_happens_under_an_agreement_that_has_ended(fact: Fact) -> None:
    assert [fact] == decided(given(SIGNED), fact)
    assert refusal(given(SIGNED, ENDED), fact) == ("agreement_already_ended", "/data/agreement")


def test_only_parties_owe_and_are_owed() -> None:
    assert refusal(given(SIGNED), made(obligor="school")) == ("party_unknown", "/data/obligor")
    assert refusal(given(SIGNED), made(obligee="school")) == ("party_unknown", "/data/obligee")
    assert [made(obligor="school")] == decided(given(SIGNED, JOINED), made(obligor="school"))


def test_an_amendment_without_parties_keeps_them() -> None:
    assert [made()] == decided(given(SIGNED, AMENDED), made())


def test_the_terms_may_be_amended_while_the_agreement_lives() -> None:
    terms = {"answer_within": {"limit": 2, "unit": "business_days"}}
    amended = Fact("agreement.amended", {"agreement": "mou", "terms": terms})
    assert [amended] == decided(given(SIGNED), amended)
    assert [made()] == decided(given(SIGNED, amended), made())  # the parties are who they were
    assert refusal(given(SIGNED, ENDED), amended) == ("agreement_already_ended", "/data/agreement")


def test_a_commitment_is_made_once() -> None:
    assert refusal(given(SIGNED, made()), made()) == ("commitment_exists", "/data/commitment")
    assert [made("c2")] == decided(given(SIGNED, made()), made("c2"))


def test_a_decision_without_a_rule_is_refused() -> None:
    assert refusal(given(SIGNED), Fact("agreement.framed", {"agreement": "mou"})) == ("decision_refused", "/type")
