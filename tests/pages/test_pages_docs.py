"""``/docs`` is where a programmer looks first: it leads to everything that the ledger says about itself."""

from __future__ import annotations

import re

from tests.pages.browsing import Browser


def test_every_link_of_the_reference_leads_somewhere(client: Browser) -> None:
    page = client.get("/docs")
    assert 200 == page.status_code
    main = page.text.partition("<main")[2].partition("</main>")[0]
    links = [link for link in re.findall(r'<a href="([^"]+)"', main) if link != "/"]
    assert {"/docs/kpis", "/docs/errors", "/v1/contracts.json", "/v1/contracts.csv", "/openapi.json"} <= set(links)
    assert [200] * len(links) == [client.get(link).status_code for link in links]
