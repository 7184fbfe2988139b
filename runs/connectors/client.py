"""Fetching pages from one API, for one account."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from types import TracebackType
from typing import Any, Final, Self

from runs.connectors.address_guard import PrivateHosts, check_url
from runs.connectors.answer import body_of
from runs.connectors.attempts import Attempts
from runs.connectors.bounds import OF_A_RUN, Bounds
from runs.connectors.deep_records import apart
from runs.connectors.errors import AuthenticationFailed, RequestFailed
from runs.connectors.exchange import Exchange
from runs.connectors.oauth2 import Grant, OAuth2
from runs.connectors.pagination import PageView
from runs.connectors.pause import Pause
from runs.connectors.placeholders import unresolved
from runs.connectors.rate_limit import LimitTold
from runs.connectors.redaction import masked_value, redactor_at_work, secrets_in
from runs.connectors.reply import Reply
from runs.connectors.request import Draft, Outgoing, RequestPreview, RequestValues, drafted
from runs.connectors.response import records_in
from runs.connectors.slices import Slices
from runs.connectors.spec import ApiSpec, MethodSpec
from runs.connectors.telling import redacting
from runs.connectors.token_request import read_token, renewal, token_request
from runs.connectors.tokens import Token, Tokens, TokenStore
from runs.connectors.trail import Trail, check_savable, content_digest
from runs.connectors.unified import UnmappedRecord

EXCERPT = 500
PAST_THE_END: Final = object()


@dataclass(frozen=True)
class FetchedPage:
    """One page. `next_cursor` is plain JSON that fetches the next one, None at the end.

    Of a unified method the records are the unified ones; `unmapped` are those that the mapping fails on. `too_deep` are
    those that nest deeper than any are kept, and may be cut off somewhere below that. `is_plain`: no record needs a
    look for what can't be stored. `ahead` are the cursors of pages behind the next one that may be fetched before it
    has come: guesses, that `is_page_of` judges.
    """

    records: list[Any]
    next_cursor: dict[str, Any] | None
    status_code: int
    unmapped: Sequence[UnmappedRecord] = ()
    too_deep: Sequence[Any] = ()
    is_plain: bool = False
    ahead: Sequence[dict[str, Any]] = ()

    @property
    def fetched(self) -> int:
        """How many records the source has sent."""
        return len(self.records) + len(self.unmapped) + len(self.too_deep)

    def reduce(self, kept: Callable[[Any], Any]) -> None:
        """Keep of each record only what is needed further on: parsed it takes several times the space of its text."""
        self.records[:] = map(kept, self.records)


def _nothing() -> None:
    pass


class ApiClient:
    """One account's way to its API. Threads may fetch through it side by side; as a context manager it closes its
    connections.

    Guarantee: a page is whole or not there. What fails for the moment is tried again within narrow bounds; everything
    that is raised is free of the account's credentials, which the `masking` around it learns too.
    """

    def __init__(
        self,
        spec: ApiSpec,
        context: Mapping[str, Any],
        *,
        wait: Callable[[float], None],
        private: PrivateHosts,
        on_retry_wait: Callable[[float], None] | None = None,
        bounds: Bounds = OF_A_RUN,
        excerpt: int = EXCERPT,
        pause: Pause | None = None,
        token_store: TokenStore | None = None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`wait(seconds)` waits or raises what ends the work; `on_retry_wait` is told of each that the source wants.

        Of a refusal the first `excerpt` characters are kept. While the `pause` lasts nothing is sent. The `token_store`
        is needed where the spec's authorization is oauth2.
        """
        self._spec = spec
        self._context = context
        self._public_context = spec.public_context(context)
        self._wait = wait
        self._private = private
        self._bounds = bounds
        self._excerpt = excerpt
        self._now = now
        self._redact = redactor_at_work()
        self._redact.learn(_secrets(spec, context))
        self._tokens = self._tokens_of(spec.authorization, token_store)
        self._exchange = Exchange(private=private, page_bytes=bounds.page_bytes, clock=clock)
        self._last_draft: tuple[MethodSpec, RequestValues, Draft] | None = None
        self._attempts = Attempts(
            self._exchange,
            spec.rate_limit,
            bounds,
            pause or Pause(clock),
            wait=wait,
            on_limit=on_retry_wait or (lambda seconds: None),
            clock=clock,
            now=now,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._exchange.close()

    def fetch(
        self,
        method: MethodSpec,
        request: RequestValues,
        cursor: dict[str, Any] | None,
        *,
        sliced: bool = False,
        on_sent: Callable[[], None] = _nothing,
    ) -> FetchedPage:
        """The page at the cursor (None: the first page); `sliced`: with its records as slices, where that is possible.

        `on_sent` is called whenever a request for it is on its way, before its answer is waited for.
        Raises RequestFailed (AuthenticationFailed for a 401 or a missing credential), RateLimited where the source
        wants a longer wait than a request may take, and whatever `wait` raises.
        """
        with self._redacting():
            trail = Trail.of(cursor)
            trail.check(self._bounds)
            outgoing = self._draft(method, request).at(trail.at)
            check_url(outgoing.url, self._private)
        with self._redacting(outgoing.url):
            answer = self._answer(method, outgoing, trail, sliced=sliced, on_sent=on_sent)
            return self._unified(method, request, self._page(method, outgoing, trail, answer))

    def preview(self, method: MethodSpec, request: RequestValues) -> RequestPreview:
        """The request of the first page, which is not sent. Raises RequestFailed where it could not be."""
        with self._redacting():
            outgoing = self._draft(method, request).at(None)
            check_url(outgoing.url, self._private)
        body = None if outgoing.content is None else masked_value(outgoing.asked.body)
        return RequestPreview(outgoing.verb, self._redact(outgoing.url), body)

    def _draft(self, method: MethodSpec, request: RequestValues) -> Draft:
        """Made once for all pages of a list, which come with the very same request: what only equals it may differ,
        as 1 and true do."""
        known = self._last_draft
        if known is None or known[0] is not method or known[1] is not request:
            draft = drafted(self._spec, method, self._proxied(method, request), self._context)
            known = self._last_draft = (method, request, draft)
        return known[2]

    def _proxied(self, method: MethodSpec, request: RequestValues) -> RequestValues:
        if method.mapping is None:
            return request
        return replace(request, query=method.mapping.query(request.query, self._public_context))

    def _unified(self, method: MethodSpec, request: RequestValues, page: FetchedPage) -> FetchedPage:
        """The page with its records mapped. A `wait` of no time ends the work if it is to end."""
        if method.mapping is None:
            return page
        look = partial(self._wait, 0)
        mapped, unmapped = method.mapping.records(page.records, request.query, self._public_context, look=look)
        told = [replace(record, message=self._redact(record.message)) for record in unmapped]
        return replace(page, records=mapped, unmapped=told, is_plain=False)

    def _page(self, method: MethodSpec, outgoing: Outgoing, trail: Trail, answer: tuple[Reply, Any]) -> FetchedPage:
        reply, body = answer
        if body is PAST_THE_END:
            return FetchedPage([], None, reply.status_code)
        records = records_in(body, method, reply)
        page = PageView(reply.url, outgoing.asked, body, reply.headers, records, reply.status_code)
        following = self._following(method, trail, page, reply)
        kept, too_deep = (records, []) if isinstance(records, Slices) else apart(records, self._bounds.levels)
        return FetchedPage(
            kept,
            None if following is None else following.as_cursor(),
            reply.status_code,
            too_deep=too_deep,
            is_plain=isinstance(records, Slices) or reply.is_plain,
            ahead=_ahead(method, trail, page, following),
        )

    def _following(self, method: MethodSpec, trail: Trail, page: PageView, reply: Reply) -> Trail | None:
        """Where the list goes on. What the source hands out may be unusable: then the page is kept, and the fault is
        the next one's."""
        if method.pagination is None:
            return None
        try:
            at = method.pagination.following(page, trail.at)
            if at is None:
                return None
            check_savable(at)
        except RequestFailed as error:
            return trail.broken(error.code, self._redact(error.message))
        content = content_digest(reply.body) if method.pagination.is_numbered and page.records else ""
        return trail.followed_by(at, is_empty=not page.records, content=content)

    def _answer(
        self, method: MethodSpec, outgoing: Outgoing, trail: Trail, *, sliced: bool, on_sent: Callable[[], None]
    ) -> tuple[Reply, Any]:
        """The reply and its parsed body. An access token that the source refuses is renewed once."""
        read = partial(self._read, method, trail, sliced)
        ask = partial(self._attempts.ask, read=read, may_repeat=method.may_repeat, on_sent=on_sent)
        if self._tokens is None:
            return ask(outgoing)
        token = self._learned(self._tokens.current())
        try:
            return ask(token.signed(outgoing))
        except AuthenticationFailed:
            token = self._learned(self._tokens.current(refused=token))
        return ask(token.signed(outgoing))

    def _read(self, method: MethodSpec, trail: Trail, sliced: bool, reply: Reply) -> tuple[Reply, Any]:
        if method.pagination and method.pagination.is_end(reply.status_code, reply.headers, trail.at):
            return reply, PAST_THE_END
        if self._spec.rate_limit.is_limit(reply, self._now()):
            raise LimitTold(reply)
        return reply, body_of(reply, method, sliced=sliced, levels=self._bounds.levels)

    def _tokens_of(self, authorization: object, store: TokenStore | None) -> Tokens | None:
        if not isinstance(authorization, OAuth2):
            return None
        if store is None:
            raise ValueError("An account with oauth2 needs a token store.")
        roots = {"context": self._context}
        return Tokens(lambda: authorization.filled(roots), store, self._new_token, wait=self._wait, now=self._now)

    def _new_token(self, grant: Grant, refresh_token: str, auth_style: str) -> Token:
        with self._redacting(grant.token_url):
            check_url(grant.token_url, self._private)
            outgoing = token_request(grant, renewal(grant, refresh_token), auth_style)

            def read(reply: Reply) -> Token:
                return read_token(reply, grant, refresh_token, auth_style, self._now())

            return self._attempts.ask(outgoing, read, may_repeat=True)

    def _learned(self, token: Token) -> Token:
        """The token, which nothing that is raised from now on tells."""
        self._redact.learn(token.secrets)
        return token

    @contextmanager
    def _redacting(self, url: str = "") -> Iterator[None]:
        """What fails in here tells its address, and nothing of the account's credentials."""
        with redacting(self._redact, self._excerpt, url):
            yield


def _ahead(method: MethodSpec, trail: Trail, page: PageView, following: Trail | None) -> list[dict[str, Any]]:
    if method.pagination is None or following is None or following.at is None:
        return []
    return list(following.ahead(method.pagination.ahead(page, trail.at)))


def _secrets(spec: ApiSpec, context: Mapping[str, Any]) -> set[str]:
    """The account's credentials, and those that an integration holds itself.

    A placeholder is none, and names what is missing where the account has no value for it.
    """
    of_config = secrets_in(spec.credential_config, {"header_value"})
    return secrets_in(context, spec.credential_keys) | {text for text in of_config if not unresolved(text)}
