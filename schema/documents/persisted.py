"""Finds documents that a client names by hash: automatic persisted queries and trusted documents.

Automatic persisted queries are Apollo's protocol: a client sends `extensions.persistedQuery` with the SHA-256 of its
document. If the server does not know it, it answers PERSISTED_QUERY_NOT_FOUND, and the client sends hash and document
once. Trusted documents come from a JSON file, `{"<sha256>": "<document>", ...}`, as codegen tools write it; with
TRUSTED_DOCUMENTS_ONLY nothing else is executed.
"""

import functools
import hashlib
import json
import logging
import re
from collections import OrderedDict
from dataclasses import dataclass, replace
from pathlib import Path

from django.conf import settings
from redis.exceptions import RedisError

from foundation.errors import ErrorCode, ParlorError
from foundation.redis import async_redis
from schema.documents.prepared import OperationRequest, prepare
from schema.errors import RequestRefused, refused

logger = logging.getLogger(__name__)

KEY_PREFIX = "persisted-query:"
INDEX_KEY = "persisted-queries"
HASH_PREFIX = "sha256:"
_HASH = re.compile(r"[0-9a-f]{64}")


async def resolve(request: OperationRequest) -> OperationRequest:
    """The request with the document that it names by hash; a request without a hash is returned unchanged.

    Raises RequestRefused: PERSISTED_QUERY_NOT_FOUND (send the document too), PERSISTED_QUERY_NOT_SUPPORTED (never send
    a hash), BAD_INPUT (malformed, or the hash of another document), FORBIDDEN (not a trusted document), and any reason
    that makes a document invalid when it is sent to be stored.
    """
    digest = _requested_hash(request)
    trusted = trusted_documents(settings.TRUSTED_DOCUMENTS)
    if digest is not None and request.query is None and (document := trusted.by_hash.get(digest)) is not None:
        return replace(request, query=document)
    if settings.TRUSTED_DOCUMENTS_ONLY:
        return _require_trusted(request, trusted)
    if digest is None:
        return request
    if not settings.PERSISTED_QUERIES:
        return _without_store(request)
    if request.query is not None:
        await _store_validated(request, request.query, digest)
        return request
    return replace(request, query=await _find(digest))


def is_named_by_hash(request: OperationRequest) -> bool:
    """Whether the request names a document instead of sending one."""
    return (request.extensions or {}).get("persistedQuery") is not None


# --- Trusted documents


@dataclass(frozen=True, slots=True)
class TrustedDocuments:
    """The allow-list, by hash and by text."""

    by_hash: dict[str, str]
    texts: frozenset[str]


@functools.lru_cache(maxsize=4)
def trusted_documents(path: Path | None) -> TrustedDocuments:
    """The documents of the file, read once per process; none without a path. Raises ValueError for a malformed file."""
    if path is None:
        return TrustedDocuments({}, frozenset())
    documents = json.loads(path.read_text("utf-8"))
    if not isinstance(documents, dict) or not all(isinstance(text, str) for text in documents.values()):
        raise ValueError("TRUSTED_DOCUMENTS must name a JSON file of one object: hash -> document.")
    by_hash = {key.removeprefix(HASH_PREFIX): text for key, text in documents.items()}
    return TrustedDocuments(by_hash, frozenset(by_hash.values()))


def _require_trusted(request: OperationRequest, trusted: TrustedDocuments) -> OperationRequest:
    if request.query in trusted.texts:
        return request
    raise refused(ParlorError(ErrorCode.FORBIDDEN, "Only trusted documents are executed here."), 403)


# --- Automatic persisted queries


class DocumentCache:
    """A least-recently-used cache of documents by hash, bounded by their total characters."""

    def __init__(self, max_characters: int) -> None:
        self._documents: OrderedDict[str, str] = OrderedDict()
        self._characters = 0
        self._max_characters = max_characters

    def get(self, digest: str) -> str | None:
        """The document, which becomes the most recently used one; None if it is not cached."""
        document = self._documents.get(digest)
        if document is not None:
            self._documents.move_to_end(digest)
        return document

    def put(self, digest: str, document: str) -> None:
        """Store a document and drop the least recently used ones above the bound."""
        if digest in self._documents:
            self._documents.move_to_end(digest)
            return
        self._documents[digest] = document
        self._characters += len(document)
        while self._characters > self._max_characters:
            _, forgotten = self._documents.popitem(last=False)
            self._characters -= len(forgotten)


@functools.cache
def _cache() -> DocumentCache:
    return DocumentCache(settings.PERSISTED_QUERY_CACHE_CHARACTERS)


def _requested_hash(request: OperationRequest) -> str | None:
    if not is_named_by_hash(request):
        return None
    entry = (request.extensions or {})["persistedQuery"]
    if not isinstance(entry, dict):
        raise _bad_entry("extensions.persistedQuery must be an object.")
    if entry.get("version") != 1:
        raise _bad_entry("extensions.persistedQuery.version must be 1.")
    digest = entry.get("sha256Hash")
    if not isinstance(digest, str):
        raise _bad_entry("extensions.persistedQuery.sha256Hash must be a string.")
    return digest.removeprefix(HASH_PREFIX)


def _bad_entry(message: str) -> RequestRefused:
    return refused(ParlorError(ErrorCode.BAD_INPUT, message, field="extensions"))


def _without_store(request: OperationRequest) -> OperationRequest:
    if request.query is not None:
        return request
    raise _named("PersistedQueryNotSupported", "PERSISTED_QUERY_NOT_SUPPORTED")


def _named(message: str, code: str) -> RequestRefused:
    """A refusal with a code that Apollo's clients look for; these codes are not in our ErrorCode."""
    return RequestRefused([{"message": message, "extensions": {"code": code}}])


async def _find(digest: str) -> str:
    document = _cache().get(digest)
    if document is not None:
        return document
    if _HASH.fullmatch(digest):
        try:
            stored = await async_redis().getex(KEY_PREFIX + digest, ex=settings.PERSISTED_QUERY_TTL_SECONDS)
        except RedisError as error:
            # The client then sends the document too, so it is served even without Redis.
            logger.warning("Persisted queries cannot be read: %s", type(error).__name__)
            stored = None
        if stored is not None:
            document = _text(stored)
            _cache().put(digest, document)
            return document
    raise _named("PersistedQueryNotFound", "PERSISTED_QUERY_NOT_FOUND")


async def _store_validated(request: OperationRequest, document: str, digest: str) -> None:
    if hashlib.sha256(document.encode()).hexdigest() != digest:
        raise _bad_entry("extensions.persistedQuery.sha256Hash is not the SHA-256 of the query.")
    if _cache().get(digest) is not None:
        return
    limit = settings.MAX_PERSISTED_QUERY_CHARACTERS
    if len(document) > limit:
        message = f"A persisted query has at most {limit} characters."
        raise refused(ParlorError(ErrorCode.TOO_LARGE, message, maxPersistedQueryCharacters=limit))
    prepare(request)  # an invalid document is refused here and never stored
    _cache().put(digest, document)
    try:
        await _store(digest, document)
    except RedisError as error:
        logger.warning("A persisted query cannot be stored: %s", type(error).__name__)


def _text(value: bytes | str) -> str:
    # The client returns bytes; its annotations allow both.
    return value if isinstance(value, str) else value.decode()


async def _store(digest: str, document: str) -> None:
    """Store the document in Redis; above MAX_PERSISTED_QUERIES the oldest ones are deleted."""
    async with async_redis().pipeline(transaction=False) as pipe:
        pipe.set(KEY_PREFIX + digest, document, ex=settings.PERSISTED_QUERY_TTL_SECONDS)
        pipe.time()
        _, (seconds, microseconds) = await pipe.execute()
        pipe.zadd(INDEX_KEY, {digest: seconds + microseconds / 1_000_000})
        pipe.expire(INDEX_KEY, settings.PERSISTED_QUERY_TTL_SECONDS)
        pipe.zrange(INDEX_KEY, 0, -settings.MAX_PERSISTED_QUERIES - 1)
        *_, surplus = await pipe.execute()
        if surplus:
            pipe.delete(*(KEY_PREFIX + _text(name) for name in surplus))
            pipe.zrem(INDEX_KEY, *surplus)
            await pipe.execute()
