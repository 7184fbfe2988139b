"""Part `mapping`: what a unified mapping of plain fields leaves of the rate at which the same records move unmapped."""

from __future__ import annotations

import json
import statistics
import sys
from dataclasses import asdict, dataclass, field

from tests.benchmarks.stage import Ours, daemon, in_installation, listed, stage

PAGE_SIZE = 1_000
BAR = 0.6
# Plain fields, one of them within another object, as a mapping of contacts has them.
FIELDS = """{
    'id': response.id, 'name': response.name, 'email': response.email, 'status': response.status,
    'city': response.address.city, 'created_at': response.created_at, 'updated_at': response.updated_at
}"""


@dataclass
class Rates:
    """Seconds of each round."""

    records: int
    unmapped: list[float] = field(default_factory=list)
    mapped: list[float] = field(default_factory=list)


def measured(count: int, rounds: int) -> Rates:
    return Rates(**in_installation("tests.benchmarks.mapping", str(count), str(rounds)))


def table(rates: Rates) -> str:
    unmapped, mapped = (rates.records / statistics.median(times) for times in (rates.unmapped, rates.mapped))
    missed = " **under**" if mapped / unmapped < BAR else ""
    head = [
        f"## {rates.records:,} records through a unified mapping",
        "",
        f"Records a second of first loads, medians of {len(rates.mapped)} rounds in turn. A mapped record is stored "
        "with the raw one in it.",
        "",
        "| unmapped | mapped | share | bar |",
        "| ---: | ---: | ---: | ---: |",
    ]
    return "\n".join([*head, f"| {unmapped:,.0f} | {mapped:,.0f} | {mapped / unmapped:.2f}{missed} | {BAR} |"])


def _main(count: int, rounds: int) -> None:
    rates = Rates(count)
    with stage(count) as (started, url):
        from tests import factories

        config = {"base_url": url, "resources": {"records": {"list": listed(PAGE_SIZE)}}}
        unmapped = Ours.of(config, [{"resource": "records", "method": "list", "persist": True}])
        integration = unmapped.account.integration
        of_records = {"resource": "records", "response_mapping": FIELDS}
        factories.mapping(integration=integration, model="crm", resource="contacts", config=of_records)
        entry = {"resource": "crm/contacts", "method": "list"}
        mapped = Ours(unmapped.account, factories.job(integration=integration, label="Mapped", resources=[entry]))
        daemon(started)
        for _ in range(rounds):
            for ours, times in ((unmapped, rates.unmapped), (mapped, rates.mapped)):
                times.append(ours.seconds())
                ours.clear()
    print(json.dumps(asdict(rates)))


if __name__ == "__main__":
    _main(*map(int, sys.argv[1:]))
