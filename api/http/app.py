"""The ASGI application for `/graphql/` over HTTP, beside Django's handler.

It is not a Django view for two reasons. Django reads the whole body before a view can refuse it, and its handler and
middlewares cost far more than a small operation: returning bytes over 16 connections, Daphne served 5,000 requests/s
with this application against 500 with a view, uvicorn 11,000 against 600. `allowed_hosts.py`, `allowed_origins.py`
(CORS) and the headers below do the work of the middlewares. CSRF tokens are not needed: identity comes from the
Authorization header alone, never from a cookie, so a browser adds nothing to another site's requests; and the content
types that a page can send across sites without a preflight are refused.
"""

from django.conf import settings

from api.http import graphiql_page, negotiation
from api.http.allowed_hosts import require_allowed_host
from api.http.allowed_origins import METHODS, cors_headers, preflight_headers
from api.http.asgi_messages import (
    ClientLeft,
    Headers,
    Message,
    Receive,
    Scope,
    Send,
    header,
    peer_address,
    respond,
)
from api.http.body import read_body
from api.http.credentials import identify
from api.http.decoding import decode_get, decode_post
from api.http.framing import FRAMINGS, errors_only
from api.http.http_subscription import HttpSubscription
from api.http.negotiation import Format, negotiate
from api.http.open_subscriptions import open_subscriptions
from api.http.refusal import HttpRefused, malformed, method_not_allowed
from auth.identity import Identity
from foundation.client_address import client_address
from foundation.errors import ErrorCode
from schema.context import Context
from schema.errors import FormattedError, RequestRefused, masked
from schema.execution import Executor, OperationRequest, PreparedOperation, names_document

NO_STORE: Headers = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))


class GraphQLHTTP:
    """The ASGI application. It answers every request, whatever it contains, and raises nothing."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        if scope["method"] == "HEAD":
            send = _without_body(send)
        exchange = _Exchange(self._executor, scope, receive, send)
        try:
            await exchange.answer()
        except ClientLeft:
            return
        except HttpRefused as refusal:
            await exchange.send_errors(refusal.status, refusal.errors, refusal.headers)
        except Exception as error:
            await exchange.fail(error)


class _Exchange:
    """One request and its answer."""

    def __init__(self, executor: Executor, scope: Scope, receive: Receive, send: Send) -> None:
        self._executor = executor
        self._scope = scope
        self._receive = receive
        self._send = send
        self._method: str = scope["method"]
        self._origin = header(scope, b"origin")
        self._format = Format.JSON
        self._started = False

    async def answer(self) -> None:
        require_allowed_host(self._scope)
        if self._method == "OPTIONS":
            await self._respond(204, preflight_headers(self._origin), b"")
            return
        if self._method not in ("GET", "HEAD", "POST"):
            raise method_not_allowed("Use GET or POST.", METHODS)
        self._choose_format()
        if self._format is Format.HTML:
            await self._respond(200, graphiql_page.HEADERS, graphiql_page.page())
            return
        request = await self._read()
        identity = await identify(header(self._scope, b"authorization"))
        await self._serve(request, identity)

    def _choose_format(self) -> None:
        offers: tuple[Format, ...] = negotiation.RESULTS
        if self._method != "POST" and settings.GRAPHIQL:
            offers = (*offers, Format.HTML)
        accepted = negotiate(header(self._scope, b"accept"), offers)
        if accepted is None:
            types = ", ".join(offer.value for offer in offers)
            raise HttpRefused(406, ErrorCode.BAD_INPUT, f"Accept at least one of {types}.")
        self._format = accepted

    async def _read(self) -> OperationRequest:
        if self._method != "POST":
            return decode_get(self._scope["query_string"])
        body = await read_body(self._scope, self._receive)
        return decode_post(header(self._scope, b"content-type"), body)

    async def _serve(self, request: OperationRequest, identity: Identity | None) -> None:
        try:
            if not names_document(request):
                raise malformed("Send a `query`: the text of a GraphQL document.")
            prepared = await self._executor.prepare(request)
            self._check_method(prepared)
            context = Context(
                identity=identity,
                client_address=client_address(
                    peer_address(self._scope), header(self._scope, b"x-forwarded-for")
                ),
                device=header(self._scope, b"user-agent") or "",
            )
            if prepared.kind == "subscription":
                await self._serve_subscription(prepared, context)
            else:
                await self._send_result(await self._executor.execute(prepared, context))
        except RequestRefused as refusal:
            await self._refuse(refusal)

    def _check_method(self, prepared: PreparedOperation) -> None:
        # GET is a safe method (RFC 9110, 9.2.1): crawlers, prefetchers and other sites' pages may send it.
        if self._method != "POST" and prepared.kind == "mutation":
            raise method_not_allowed("Send mutations by POST.", b"POST")
        if self._method == "HEAD" and prepared.kind == "subscription":
            raise method_not_allowed("Subscribe by GET or POST.", b"GET, POST")

    async def _send_result(self, payload: bytes) -> None:
        framing = FRAMINGS.get(self._format)
        if framing is None:
            await self._respond(200, self._json_headers(), payload)
            return
        await self._send_framed(framing.result(payload))

    async def _serve_subscription(self, prepared: PreparedOperation, context: Context) -> None:
        accepted = negotiate(header(self._scope, b"accept"), negotiation.STREAMS)
        if accepted is None:
            message = (
                "Subscriptions are served as `text/event-stream` and `multipart/mixed;subscriptionSpec=1.0`, "
                "and over the websocket."
            )
            raise HttpRefused(406, ErrorCode.BAD_INPUT, message)
        self._format = accepted
        framing = FRAMINGS[accepted]
        subscription = HttpSubscription(framing, context.identity)
        client = context.identity.user_id if context.identity else context.client_address
        open_subscriptions.add(client, subscription)
        try:
            await subscription.start(lambda outlet: self._executor.subscribe(prepared, context, outlet))
            await self._start(200, self._stream_headers())
            await subscription.run(self._receive, self._send)
        finally:
            subscription.stop()
            open_subscriptions.remove(client, subscription)

    async def _refuse(self, refusal: RequestRefused) -> None:
        """Answer with request errors, with the status of the format (specification, 7.3 Status Codes)."""
        framing = FRAMINGS.get(self._format)
        if framing is not None:
            await self._send_framed(framing.refusal(refusal.errors))
            return
        # With `application/json` every well-formed request gets 200: a client could take a 4xx for a proxy's.
        status = 200 if self._format is Format.JSON else refusal.http_status
        await self.send_errors(status, refusal.errors)

    async def _send_framed(self, frame: bytes) -> None:
        """Answer with a stream of one frame."""
        framing = FRAMINGS[self._format]
        await self._respond(200, self._stream_headers(), framing.opening + frame + framing.closing())

    async def send_errors(self, status: int, errors: list[FormattedError], headers: Headers = ()) -> None:
        """Answer with errors alone, as JSON."""
        await self._respond(status, (*self._json_headers(), *headers), errors_only(errors))

    async def fail(self, error: Exception) -> None:
        """Answer an unforeseen error: the client gets 500 and the errorId of the log line."""
        errors = [masked(error)]
        if self._started:
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})
            return
        await self.send_errors(500, errors)

    def _json_headers(self) -> Headers:
        kind = Format.GRAPHQL_RESPONSE if self._format is Format.GRAPHQL_RESPONSE else Format.JSON
        content_type = kind.value.encode() + b"; charset=utf-8"
        return ((b"content-type", content_type), *NO_STORE, *cors_headers(self._origin))

    def _stream_headers(self) -> Headers:
        content_type = FRAMINGS[self._format].content_type
        # nginx would otherwise hold the stream back until its buffer is full.
        unbuffered = (b"x-accel-buffering", b"no")
        return ((b"content-type", content_type), unbuffered, *NO_STORE, *cors_headers(self._origin))

    async def _start(self, status: int, headers: Headers) -> None:
        self._started = True
        await self._send({"type": "http.response.start", "status": status, "headers": list(headers)})

    async def _respond(self, status: int, headers: Headers, body: bytes) -> None:
        self._started = True
        await respond(self._send, status, headers, body)


def _without_body(send: Send) -> Send:
    """Answer HEAD: the headers of a GET, `content-length` included, and no body."""

    async def send_head(message: Message) -> None:
        if message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await send(message)

    return send_head
