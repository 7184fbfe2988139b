"""Matrix 4d, rows 49 to 54: a webhook's receiver that is away, slow, rude, elsewhere, or checks what it gets."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks.webhooks import Webhook as Standard
from standardwebhooks.webhooks import WebhookVerificationError
from werkzeug import Response

from tests.faults.conftest import Row
from tests.faults.hostile import hostile as hostile_source
from tests.faults.invariants import Expected
from tests.faults.names import Names
from tests.faults.orders import Order
from tests.faults.stage import Stage
from tests.processes import wait_until
from tests.receiver import OK, Received, Receiver, receiving, verify

PLACES_INSIDE = (
    "http://127.0.0.1/hook",
    "http://localhost/hook",
    "http://127.1/hook",
    "http://0x7f000001/hook",
    "http://2130706433/hook",
    "http://017700000001/hook",
    "http://0/hook",
    "http://[::1]/hook",
    "http://[::ffff:127.0.0.1]/hook",
    "http://[64:ff9b::7f00:1]/hook",
    "http://169.254.169.254/latest/meta-data/",
    "http://10.0.0.1/hook",
    "http://100.64.0.1/hook",
    "http://192.168.1.1/hook",
    "https://user:pw@example.org/hook",
)
PUBLIC = "93.184.216.34"
REFUSED = (
    "{}.example is not on the public internet: private networks are not allowed "
    "(the setting ALLOWED_PRIVATE_HOSTS opens single hosts)."
)


def test_row_49_a_receiver_that_is_down(stage: Stage, receiver: Receiver, row: Row) -> None:
    """The receiver is away for a whole run, then back; another webhook is well all the time."""
    stage.daemon()
    with receiving() as other:
        stage.deck.post("/webhook", {"target_url": other.url, "event_types": ["sync_job_run:completed"]})
        stage.webhook(receiver)
        first = stage.create_run()
        receiver.answer = lambda received: 503 if received.event == "record" else OK
        stage.drained([first])
        receiver.answer = lambda received: OK
        second = stage.executed()
        wait_until(lambda: len(other.accepted("completed")) == 2, 20, "both ends told elsewhere")
    errors = stage.deck.run(first)["error_count"]

    assert errors > 0
    row.judge(stage, "SF", Expected([first], whole=False, errors=True))
    row.judge(stage, "LSFX", Expected([second["id"]]))
    row.showed(f"{errors} errors held the date; the next run sent everything; the other webhook heard of both ends")


@pytest.mark.parametrize("point", ["before_delivery", "after_delivery_before_note"])
def test_row_50_killed_around_a_delivery(any_stage: Stage, receiver: Receiver, row: Row, point: str) -> None:
    """kill -9 before a delivery, and between the receiver's 2xx and our note of it."""
    webhook = any_stage.webhook(receiver)
    any_stage.orders.give(Order("kill", point, at=row.random.randint(2, 3)))
    any_stage.daemon(pool="prefork")
    run_id = any_stage.create_run()
    any_stage.drained([run_id])
    for received in receiver.arrived:
        verify(received, webhook["secret"])
    repeated = len(receiver.arrived) - len(receiver.bodies())

    assert len(any_stage.orders.carried_out()) == 1
    row.judge(any_stage, "LDSTF", Expected([run_id]))
    row.showed(f"{point}: {repeated} sent again, with the same id and bytes, freshly signed")


def test_row_50_an_answer_that_is_cut_off(stage: Stage, receiver: Receiver, row: Row) -> None:
    """The receiver takes an event, and its 2xx is lost."""
    cut: list[str] = []

    def answer(received: Received) -> int | Response:
        if received.event == "record" and not cut:
            cut.append(received.id)
            return Response("", 200, headers={"Content-Length": "50"})  # of which none comes
        return OK

    stage.webhook(receiver)
    receiver.answer = answer
    stage.daemon()
    run_id = stage.create_run()
    stage.drained([run_id])

    row.judge(stage, "LDSF", Expected([run_id]))
    row.showed(f"its event came {sum(one.id == cut[0] for one in receiver.arrived)} times with the same bytes")


def test_row_51_a_receiver_that_takes_for_ever(stage: Stage, row: Row) -> None:
    """It says nothing, drips, sends an endless answer, endless headers."""
    ways = ("hang", "drip", "endless_body", "endless_headers")
    daemon = stage.daemon()
    with hostile_source({}) as source:
        source.answers = {way: getattr(source, way) for way in ways}
        for way in ways:
            event = {"event_types": ["sync_job_run:completed"]}
            stage.deck.post("/webhook", {"target_url": f"{source.url}/{way}", **event})
        run = stage.executed()
        sent = "SELECT count(*) FROM runs_delivery WHERE attempts > 0"
        wait_until(lambda: stage.deck.rows(sent) == [(len(ways),)], 60, "an attempt at each")
        second = stage.executed(ignore_previous_run=True)
    taken = stage.deck.rows("SELECT max((attempt_log -> 0 ->> 'milliseconds')::int) FROM runs_delivery")[0][0]

    assert taken < 20_000
    assert daemon.popen.poll() is None
    row.judge(stage, "LDSFX", Expected([run["id"], second["id"]]))
    row.judge(stage, "A", Expected([], whole=False))
    row.showed(f"each attempt was over after {taken / 1000:.0f} s at most; runs and other webhooks went on")


STATUSES: dict[int, Callable[[], Response]] = {
    400: lambda: Response("no", 400),
    404: lambda: Response("no", 404),
    410: lambda: Response("gone", 410),
    429: lambda: Response("slow", 429, headers={"Retry-After": "2"}),
    500: lambda: Response("broken", 500),
    302: lambda: Response("", 302, headers={"Location": "/elsewhere"}),
    307: lambda: Response("", 307, headers={"Location": "/elsewhere"}),
}


def test_row_52_refusals_of_the_receiver(stage: Stage, row: Row) -> None:
    """400, 404, 410, 429 with a wait, 500, and redirects."""
    stage.daemon()
    receivers = {status: Receiver() for status in STATUSES}
    hooks = {}
    for status, found in receivers.items():
        found.answer = lambda received, status=status: STATUSES[status]()
        found.start()
        body = {"target_url": found.url, "event_types": ["sync_job_run:completed"]}
        hooks[status] = stage.deck.post("/webhook", body)["id"]
    run = stage.executed()
    over = "SELECT count(*) FROM runs_delivery WHERE status = 'failed'"
    wait_until(lambda: stage.deck.rows(over) == [(len(STATUSES),)], 60, "all tries used up")
    tries = {status: len(found.arrived) for status, found in receivers.items()}
    for found in receivers.values():
        found.stop()
    active = {status: stage.deck.get(f"/webhook/{hook}")["is_active"] for status, hook in hooks.items()}

    assert tries == {status: 1 if status == 410 else 4 for status in STATUSES}
    assert [status for status, is_active in active.items() if not is_active] == [410]
    row.judge(stage, "LDSX", Expected([run["id"]]))
    row.showed("four tries each, one for 410, which is switched off; no redirect was followed")


def test_row_53_addresses_that_are_inside(stage: Stage, row: Row) -> None:
    """Loopback, link-local, metadata, private, in every spelling; and an account whose API is inside."""
    with stage.web("-", ALLOW_PRIVATE_NETWORKS="false") as foreign:
        answers = {url: foreign.post("/webhook", json={"target_url": url}) for url in PLACES_INSIDE}
    taken = [url for url, answer in answers.items() if answer.status_code != 400]
    stage.daemon(ALLOW_PRIVATE_NETWORKS="false")
    run = stage.executed()

    assert taken == []
    assert stage.source.served == []
    row.judge(stage, "SF", Expected([run["id"]], whole=False, errors=True))
    told = stage.deck.get(f"/sync-job-run/{run['id']}/error")["result"][0]["message"]
    row.showed(f"{len(PLACES_INSIDE)} refused at save; at the connect: {told[:90]}")


def test_row_53_names_that_lead_inside_now_or_later(stage: Stage, row: Row) -> None:
    """Names with a public and a private address, and names that are public when saved and private at the connect."""
    names = Names(stage.orders.folder)
    inside = [["127.0.0.1"], ["169.254.169.254"], [PUBLIC, "192.168.1.1"], ["::ffff:10.0.0.1"]]
    names.give(
        mixed_example=[[PUBLIC, "10.0.0.1"]],
        inside_example=[["fd00:1::1"]],
        tested_example=[[PUBLIC], *inside],
        told_example=inside,
        api_example=inside,
    )
    with stage.web("-", ALLOW_PRIVATE_NETWORKS="false") as foreign:
        at_save = [foreign.post("/webhook", json={"target_url": hook(name)}) for name in ("mixed", "inside")]
        saved = foreign.post("/webhook", json={"target_url": hook("tested")})
        tests = [foreign.post("/webhook/test", json={"id": saved.json()["id"]}) for _ in inside]
        foreign.delete(f"/webhook/{saved.json()['id']}")  # the checker takes whatever it sees of its tenant for a leak
    assert [answer.status_code for answer in (*at_save, saved)] == [400, 400, 201]
    assert all(REFUSED.format("tested") in answer.json()["message"] for answer in tests)
    assert names.lookups("tested.example") == [[PUBLIC], *inside]

    webhook = stage.deck.post("/webhook", {"target_url": hook("told"), "event_types": ["sync_job_run:completed"]})
    stage.daemon(ALLOW_PRIVATE_NETWORKS="false", ALLOWED_PRIVATE_HOSTS="localhost")  # its source
    run = stage.executed()
    wait_until(lambda: failed_deliveries(stage), 40, "all tries at the webhook used up")
    delivery = stage.deck.get(f"/webhook/{webhook['id']}/delivery")["result"][0]
    told = [attempt["error"] for attempt in delivery["attempt_log"]]
    assert (told, names.lookups("told.example")) == ([REFUSED.format("told")] * len(inside), inside)

    served = len(stage.source.served)
    stage.define("elsewhere", base_url="https://api.example")
    refused = stage.executed()
    error = stage.deck.get(f"/sync-job-run/{refused['id']}/error")["result"][0]
    assert (error["code"], error["message"]) == ("address_refused", REFUSED.format("api"))
    assert len(stage.source.served) == served

    everything = " ".join([*(answer.text for answer in (*at_save, *tests)), *told, json.dumps([delivery, error])])
    assert not [address for answer in inside for address in answer if address in everything]
    stage.deck.account_id = run["integrated_account_id"]
    row.judge(stage, "LDSFX", Expected([run["id"]]))
    connects = len(tests) + len(told) + len(names.lookups("api.example"))
    row.showed(
        f"both refused at save; {connects} connections, each looked up once, refused; no reason tells where a name led"
    )


def hook(name: str) -> str:
    return f"https://{name}.example/hook"


def failed_deliveries(stage: Stage) -> bool:
    return stage.deck.rows("SELECT count(*) FROM runs_delivery WHERE status = 'failed' AND run_id IS NOT NULL") == [
        (1,)
    ]


def test_row_54_signatures(stage: Stage, receiver: Receiver, row: Row) -> None:
    """The reference library takes what was sent, and neither a changed byte, an old time nor another key."""
    webhook = stage.webhook(receiver)
    stage.daemon()
    run_id = stage.create_run()
    stage.drained([run_id])
    wait_until(lambda: "completed" in receiver.events(), 20, "the end told")
    for received in receiver.arrived:
        verify(received, webhook["secret"])
    one = receiver.arrived[0]
    old = {**one.headers, "webhook-timestamp": str(int((datetime.now(UTC) - timedelta(hours=1)).timestamp()))}
    another = stage.deck.post("/webhook", {"target_url": receiver.url})["secret"]
    for secret, body, headers in (
        (webhook["secret"], one.body + b" ", one.headers),
        (webhook["secret"], one.body, old),
        (another, one.body, one.headers),
    ):
        with pytest.raises(WebhookVerificationError):
            Standard(secret).verify(body, headers)

    row.judge(stage, "LDS", Expected([run_id]))
    row.showed(f"{len(receiver.arrived)} events verified; changed, old and foreign ones refused")
