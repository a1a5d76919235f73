"""Calls an object that lives in another process, so that its work does not disturb what this one measures."""

import asyncio
import contextlib
import multiprocessing
from collections.abc import AsyncIterator, Callable
from multiprocessing.connection import Connection
from typing import Any


class SubprocessObject:
    """Calls the coroutine methods of the object, one at a time."""

    def __init__(self, pipe: "Connection[Any, Any]") -> None:
        self._pipe = pipe

    async def call(self, name: str, *given: object) -> Any:
        """Return what the method returns; raise what it raises."""
        self._pipe.send((name, given))
        result = await asyncio.to_thread(self._pipe.recv)
        if isinstance(result, Exception):
            raise result
        return result


@contextlib.asynccontextmanager
async def in_subprocess(make: Callable[..., object], *given: object) -> AsyncIterator[SubprocessObject]:
    """Run `make(*given)`, a function of a module's top level, in a new process that ends with the context."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, make, given), daemon=True)
    process.start()
    theirs.close()
    try:
        yield SubprocessObject(ours)
    finally:
        ours.close()
        process.terminate()
        await asyncio.to_thread(process.join)


def _serve(pipe: "Connection[Any, Any]", make: Callable[..., object], given: tuple[object, ...]) -> None:
    asyncio.run(_answer(pipe, make, given))


async def _answer(
    pipe: "Connection[Any, Any]", make: Callable[..., object], given: tuple[object, ...]
) -> None:
    served = make(*given)
    while True:
        try:
            name, arguments = await asyncio.to_thread(pipe.recv)
        except EOFError:
            return
        try:
            result = await getattr(served, name)(*arguments)
        except Exception as error:
            result = error
        pipe.send(result)
