"""The sample company: the same for a seed, real but for what is odd on purpose."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from digital_cs.catalog.countries import check_country
from digital_cs.demo.company import FEWEST, ROLES, UNKNOWN_ZONE, Company, generate
from digital_cs.demo.places import PLACES
from digital_cs.domain.timing.zone import zone_names

ORIGIN = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture(scope="module")
def company() -> Company:
    return generate(240, 1, ORIGIN)


def test_the_same_seed_makes_the_same_company_and_another_one_another() -> None:
    assert generate(60, 5, ORIGIN) == generate(60, 5, ORIGIN)
    assert generate(60, 5, ORIGIN) != generate(60, 6, ORIGIN)


def test_fewer_accounts_than_there_are_fates_are_refused() -> None:
    assert len(generate(FEWEST, 1, ORIGIN).customers) == FEWEST
    with pytest.raises(ValueError, match="at least 20"):
        generate(FEWEST - 1, 1, ORIGIN)


def test_ids_names_and_addresses_are_each_ones_own(company: Company) -> None:
    people = [person for customer in company.customers for person in customer.contacts]
    assert len(company.customers) == 240
    assert len({customer.id for customer in company.customers}) == 240
    assert len({customer.name for customer in company.customers}) == 240
    assert len({person.id for person in people}) == len(people)
    assert len({person.email for person in people}) == len(people)


def test_every_country_and_zone_is_real_but_for_one_that_is_misspelt(company: Company) -> None:
    zones = Counter(customer.zone for customer in company.customers)
    assert zones[UNKNOWN_ZONE] == 1
    assert set(zones) - {UNKNOWN_ZONE} <= zone_names()
    for customer in company.customers:
        check_country(customer.place.country)
        assert {person.zone for person in customer.contacts} - {None} <= zone_names()


def test_zones_are_all_over_the_world_and_some_are_off_by_half_an_hour() -> None:
    from zoneinfo import ZoneInfo

    offsets = {ORIGIN.astimezone(ZoneInfo(place.zone)).utcoffset() for place in PLACES}
    hours = {offset / timedelta(hours=1) for offset in offsets if offset is not None}
    assert min(hours) <= -10
    assert max(hours) >= 12
    assert any(hour % 1 for hour in hours)


def test_one_account_has_nobody_and_one_only_people_who_are_gone(company: Company) -> None:
    nobody = [c for c in company.customers if not c.contacts]
    gone = [c for c in company.customers if c.contacts and not any(p.active for p in c.contacts)]
    assert (len(nobody), len(gone)) == (1, 1)
    assert nobody[0].subscribes is None, "nobody buys where there is nobody"


def test_the_people_of_an_account_share_the_known_roles_and_one_is_champion(
    company: Company,
) -> None:
    for customer in company.customers:
        roles = [role for person in customer.contacts for role in person.roles]
        assert set(roles) <= set(ROLES)
        assert roles.count("champion") == bool(customer.contacts)
        assert all(person.account_id == customer.id for person in customer.contacts)


def test_every_fate_falls_to_somebody(company: Company) -> None:
    customers = company.customers
    assert Counter(c.plan for c in customers).keys() == {"trial", "starter", "growth", "scale"}
    for fate in ("subscribes", "renews", "churns", "returns", "managed_from", "quiet",
                 "trial_longer_at"):  # fmt: skip
        assert any(getattr(customer, fate) is not None for customer in customers), fate
        assert any(getattr(customer, fate) is None for customer in customers), fate
    reached = Counter(name for customer in customers for name in customer.milestones)
    assert all(0 < count < len(customers) for count in reached.values())
    assert {"shop_connected", "first_campaign_sent", "first_automation_live"} <= set(reached)
