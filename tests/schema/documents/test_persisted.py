"""Documents named by their hash: automatic persisted queries in Redis, and trusted documents."""

import hashlib
import json
from pathlib import Path

import pytest
from pytest_django import Settings
from redis.exceptions import ConnectionError as RedisConnectionError

from foundation.redis import async_redis
from schema.documents import persisted
from schema.documents.persisted import DocumentCache, resolve
from schema.documents.prepared import OperationRequest
from schema.errors import RequestRefused

DOCUMENT = "{ __typename }"


def digest_of(document: str) -> str:
    return hashlib.sha256(document.encode()).hexdigest()


def named(digest: object, query: str | None = None, version: object = 1) -> OperationRequest:
    """A request with Apollo's extension."""
    return OperationRequest(
        query=query, extensions={"persistedQuery": {"version": version, "sha256Hash": digest}}
    )


async def refusal_of(request: OperationRequest) -> tuple[object, object, int]:
    """Message, code and status of the refusal."""
    with pytest.raises(RequestRefused) as caught:
        await resolve(request)
    error = caught.value.errors[0]
    extensions = error["extensions"]
    assert isinstance(extensions, dict)
    return error["message"], extensions["code"], caught.value.http_status


@pytest.fixture(autouse=True)
def _new_process() -> None:
    """Each test begins with nothing in memory."""
    persisted._cache.cache_clear()


async def test_a_request_without_a_hash_is_left_alone() -> None:
    request = OperationRequest(query=DOCUMENT, extensions={"other": 1})
    assert await resolve(request) is request
    assert await async_redis().dbsize() == 0


async def test_the_hash_alone_works_once_the_document_was_sent() -> None:
    digest = digest_of(DOCUMENT)
    assert await refusal_of(named(digest)) == ("PersistedQueryNotFound", "PERSISTED_QUERY_NOT_FOUND", 400)
    assert (await resolve(named(digest, DOCUMENT))).query == DOCUMENT
    assert (await resolve(named(digest))).query == DOCUMENT


async def test_other_processes_find_it_in_redis_for_a_time(settings: Settings) -> None:
    settings.PERSISTED_QUERY_TTL_SECONDS = 1000
    digest = digest_of(DOCUMENT)
    await resolve(named(digest, DOCUMENT))
    key = persisted.KEY_PREFIX + digest
    await async_redis().expire(key, 5)
    persisted._cache.cache_clear()
    assert (await resolve(named(digest))).query == DOCUMENT
    assert 990 < await async_redis().ttl(key) <= 1000


async def test_what_memory_holds_needs_no_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    digest = digest_of(DOCUMENT)
    await resolve(named(digest, DOCUMENT))

    def no_redis() -> None:
        raise AssertionError("Redis was asked")

    monkeypatch.setattr(persisted, "async_redis", no_redis)
    assert (await resolve(named(digest))).query == DOCUMENT
    assert (await resolve(named(digest, DOCUMENT))).query == DOCUMENT


async def test_without_redis_the_client_is_asked_for_the_document(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken:
        """A Redis that is down."""

        async def getex(self, *_args: object, **_options: object) -> bytes:
            raise RedisConnectionError("redis://:secret@host")

        def pipeline(self, **_options: object) -> None:
            raise RedisConnectionError("redis://:secret@host")

    monkeypatch.setattr(persisted, "async_redis", Broken)
    digest = digest_of(DOCUMENT)
    assert (await refusal_of(named(digest)))[1] == "PERSISTED_QUERY_NOT_FOUND"
    assert (await resolve(named(digest, DOCUMENT))).query == DOCUMENT
    assert "secret" not in caplog.text
    assert "cannot be stored: ConnectionError" in caplog.text


async def test_the_hash_of_another_document_is_refused() -> None:
    digest = digest_of("{ viewer { email } }")
    assert (await refusal_of(named(digest, DOCUMENT)))[1] == "BAD_INPUT"
    assert (await refusal_of(named(digest)))[1] == "PERSISTED_QUERY_NOT_FOUND"


@pytest.mark.parametrize("document", ["{", "{ noSuchField }"])
async def test_a_wrong_document_is_never_kept(document: str) -> None:
    digest = digest_of(document)
    assert (await refusal_of(named(digest, document)))[1] == "BAD_INPUT"
    assert (await refusal_of(named(digest)))[1] == "PERSISTED_QUERY_NOT_FOUND"
    assert await async_redis().dbsize() == 0


@pytest.mark.parametrize(
    "entry",
    [
        1,
        [],
        "hash",
        {},
        {"version": 2, "sha256Hash": "0" * 64},
        {"version": "1", "sha256Hash": "0" * 64},
        {"version": 1},
        {"version": 1, "sha256Hash": 5},
    ],
)
async def test_a_malformed_entry_is_refused(entry: object) -> None:
    request = OperationRequest(query=DOCUMENT, extensions={"persistedQuery": entry})
    assert (await refusal_of(request))[1:] == ("BAD_INPUT", 400)


@pytest.mark.parametrize("digest", ["", "x", "*", "0" * 63, "Z" * 64, "a" * 100_000, "../../x"])
async def test_a_nonsense_hash_is_not_found(digest: str) -> None:
    assert (await refusal_of(named(digest)))[1] == "PERSISTED_QUERY_NOT_FOUND"


async def test_a_document_above_the_bound_is_not_kept(settings: Settings) -> None:
    settings.MAX_PERSISTED_QUERY_CHARACTERS = len(DOCUMENT)
    await resolve(named(digest_of(DOCUMENT), DOCUMENT))
    longer = DOCUMENT + " "
    assert (await refusal_of(named(digest_of(longer), longer)))[1] == "TOO_LARGE"


async def test_redis_holds_no_more_than_the_bound(settings: Settings) -> None:
    settings.MAX_PERSISTED_QUERIES = 3
    documents = [f"{{ a{n}: __typename }}" for n in range(5)]
    for document in documents:
        await resolve(named(digest_of(document), document))
    kept = [await async_redis().exists(persisted.KEY_PREFIX + digest_of(document)) for document in documents]
    assert kept == [0, 0, 1, 1, 1]
    assert await async_redis().zcard(persisted.INDEX_KEY) == 3


def test_memory_holds_no_more_than_the_bound() -> None:
    cache = DocumentCache(max_characters=10)
    cache.put("a", "12345")
    cache.put("b", "12345")
    assert cache.get("a") == "12345"
    cache.put("c", "1234")
    assert [cache.get(key) for key in "abc"] == ["12345", None, "1234"]
    cache.put("d", "12345678901")
    assert [cache.get(key) for key in "acd"] == [None, None, None]


async def test_switched_off_the_client_is_told_never_to_ask_again(settings: Settings) -> None:
    settings.PERSISTED_QUERIES = False
    digest = digest_of(DOCUMENT)
    assert (await resolve(named(digest, DOCUMENT))).query == DOCUMENT
    assert (await refusal_of(named(digest)))[:2] == (
        "PersistedQueryNotSupported",
        "PERSISTED_QUERY_NOT_SUPPORTED",
    )
    assert await async_redis().dbsize() == 0


# --- Trusted documents

TRUSTED = "query Trusted { __typename }"


@pytest.fixture
def trusted_file(settings: Settings, tmp_path: Path) -> None:
    """A file of one trusted document."""
    path = tmp_path / "trusted.json"
    path.write_text(json.dumps({f"sha256:{digest_of(TRUSTED)}": TRUSTED}))
    settings.TRUSTED_DOCUMENTS = path


@pytest.mark.usefixtures("trusted_file")
@pytest.mark.parametrize("only", [True, False])
async def test_a_trusted_document_is_found_by_its_hash(settings: Settings, only: bool) -> None:
    settings.TRUSTED_DOCUMENTS_ONLY = only
    for prefix in ("", "sha256:"):
        assert (await resolve(named(prefix + digest_of(TRUSTED)))).query == TRUSTED
    assert (await resolve(OperationRequest(query=TRUSTED))).query == TRUSTED


@pytest.mark.usefixtures("trusted_file")
async def test_only_trusted_documents_when_so_set(settings: Settings) -> None:
    settings.TRUSTED_DOCUMENTS_ONLY = True
    digest = digest_of(DOCUMENT)
    for request in (
        OperationRequest(query=DOCUMENT),
        OperationRequest(query=None),
        named(digest),
        named(digest, DOCUMENT),
        named(digest_of(TRUSTED), DOCUMENT),
        OperationRequest(query=TRUSTED + " "),
    ):
        assert (await refusal_of(request))[1:] == ("FORBIDDEN", 403)
    assert await async_redis().dbsize() == 0


@pytest.mark.parametrize("content", ["[]", '{"a": 1}', "{"])
def test_a_file_of_another_shape_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "trusted.json"
    path.write_text(content)
    with pytest.raises(ValueError):  # noqa: PT011 - json's own error is one
        persisted.trusted_documents(path)
