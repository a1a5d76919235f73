"""`/graphql/` over HTTP, as an ASGI application of its own beside Django's handler.

It is not a Django view for two reasons. Django reads the whole body before our code can refuse it, and its handler and
middlewares cost far more than a small operation does: with a view that only returns bytes and 16 connections, Daphne
served 5,000 requests/s here against 500 there, uvicorn 11,000 against 600. What the middlewares would have done is in
`allowed_hosts.py`, in `allowed_origins.py` (CORS) and in the headers below. CSRF tokens are not needed: identity comes
from the Authorization header alone, never from a cookie, so a browser adds nothing to another site's requests; and the
content types that a page can send across sites without a preflight are refused.
"""

import logging
import secrets

from django.conf import settings

from api.http import graphiql_page, negotiation
from api.http.allowed_hosts import check_host
from api.http.allowed_origins import METHODS, cors_headers, preflight_headers
from api.http.asgi_messages import ClientLeft, Headers, Message, Receive, Scope, Send, header, peer, respond
from api.http.body import read_body
from api.http.credentials import identify
from api.http.decoding import decode_get, decode_post
from api.http.framing import FRAMINGS, errors_only
from api.http.negotiation import Format, negotiate
from api.http.open_streams import open_streams
from api.http.refusal import Refused, malformed, method_not_allowed
from api.http.stream import Stream
from api.socket.interfaces import Executor
from auth.identity import Identity
from foundation.client_address import client_address
from foundation.errors import ErrorCode
from schema.context import Context
from schema.documents import persisted
from schema.documents.prepared import OperationRequest, PreparedOperation
from schema.errors import FormattedError, RequestRefused

logger = logging.getLogger(__name__)

NO_STORE: Headers = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))


class GraphQLHTTP:
    """The ASGI application. It answers every request, whatever is in it, and raises nothing."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        # A wrong file stops the server now, and not the first request.
        persisted.trusted_documents(settings.TRUSTED_DOCUMENTS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        if scope["method"] == "HEAD":
            send = _without_body(send)
        exchange = _Exchange(self._executor, scope, receive, send)
        try:
            await exchange.answer()
        except ClientLeft:
            return
        except Refused as refusal:
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
        check_host(self._scope)
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
            raise Refused(406, ErrorCode.BAD_INPUT, f"Accept at least one of {types}.")
        self._format = accepted

    async def _read(self) -> OperationRequest:
        if self._method != "POST":
            return decode_get(self._scope["query_string"])
        body = await read_body(self._scope, self._receive)
        return decode_post(header(self._scope, b"content-type"), body)

    async def _serve(self, request: OperationRequest, identity: Identity | None) -> None:
        try:
            if not request.query and not persisted.is_named_by_hash(request):
                raise malformed("Send a `query`: the text of a GraphQL document.")
            prepared = await self._executor.prepare(request)
            self._check_method(prepared)
            context = Context(
                identity=identity,
                client_address=client_address(peer(self._scope), header(self._scope, b"x-forwarded-for")),
                device=header(self._scope, b"user-agent") or "",
            )
            if prepared.kind == "subscription":
                await self._stream(prepared, context)
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

    async def _stream(self, prepared: PreparedOperation, context: Context) -> None:
        accepted = negotiate(header(self._scope, b"accept"), negotiation.STREAMS)
        if accepted is None:
            message = (
                "Subscriptions are served as `text/event-stream` and `multipart/mixed;subscriptionSpec=1.0`, "
                "and over the websocket."
            )
            raise Refused(406, ErrorCode.BAD_INPUT, message)
        self._format = accepted
        framing = FRAMINGS[accepted]
        stream = Stream(framing, context.identity)
        client = context.identity.user_id if context.identity else context.client_address
        open_streams.admit(client, stream)
        try:
            await stream.start(lambda outlet: self._executor.subscribe(prepared, context, outlet))
            await self._start(200, self._stream_headers())
            await stream.run(self._receive, self._send)
        finally:
            stream.stop()
            open_streams.dismiss(client, stream)

    async def _refuse(self, refusal: RequestRefused) -> None:
        """Write request errors as the format wants them (specification, 7.3 Status Codes)."""
        framing = FRAMINGS.get(self._format)
        if framing is not None:
            await self._send_framed(framing.refusal(refusal.errors))
            return
        # `application/json` says 200 to every well-formed request: its clients cannot tell a proxy's 4xx from ours.
        status = 200 if self._format is Format.JSON else refusal.http_status
        await self.send_errors(status, refusal.errors)

    async def _send_framed(self, frame: bytes) -> None:
        """A stream that is over as soon as it is sent."""
        framing = FRAMINGS[self._format]
        await self._respond(200, self._stream_headers(), framing.opening + frame + framing.closing())

    async def send_errors(self, status: int, errors: list[FormattedError], headers: Headers = ()) -> None:
        """Answer with errors alone, as JSON."""
        await self._respond(status, (*self._json_headers(), *headers), errors_only(errors))

    async def fail(self, error: Exception) -> None:
        """Answer an error of ours: the client gets an id that the log has too."""
        error_id = secrets.token_hex(8)
        logger.error("A request failed: error %s", error_id, exc_info=error)
        if self._started:
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})
            return
        message = "Something went wrong here. Quote the errorId when you report it."
        extensions = {"code": ErrorCode.INTERNAL.value, "errorId": error_id}
        await self.send_errors(500, [{"message": message, "extensions": extensions}])

    def _json_headers(self) -> Headers:
        kind = Format.GRAPHQL_RESPONSE if self._format is Format.GRAPHQL_RESPONSE else Format.JSON
        content_type = kind.value.encode() + b"; charset=utf-8"
        return ((b"content-type", content_type), *NO_STORE, *cors_headers(self._origin))

    def _stream_headers(self) -> Headers:
        content_type = FRAMINGS[self._format].content_type
        # nginx would hold the stream back until its buffer is full.
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
