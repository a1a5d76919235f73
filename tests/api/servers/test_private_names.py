"""The names of uvicorn, daphne, autobahn and channels_redis that our subclasses override and use still exist.

Few of them are public. After an upgrade that renames one, our override would silently never be called.
"""

import ast
import inspect
import textwrap
from types import ModuleType
from typing import Any

import pytest
from channels_redis import pubsub, utils
from daphne.http_protocol import HTTPFactory
from daphne.http_protocol import WebRequest as DaphneRequest
from daphne.server import Server as DaphneServer
from daphne.ws_protocol import WebSocketFactory
from daphne.ws_protocol import WebSocketProtocol as DaphneProtocol
from twisted.internet.tcp import Connection
from twisted.web.http import HTTPChannel
from uvicorn.protocols.http.h11_impl import RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from api.servers import daphne, daphne_protocols, uvicorn
from chats.feeds import channel_layer

OVERRIDDEN = [
    (uvicorn, WebSocketsSansIOProtocol, {"start_keepalive", "send", "connection_lost"}),
    (daphne_protocols, DaphneRequest, {"gotLength", "handleContentChunk", "process", "connectionLost"}),
    (daphne_protocols, DaphneProtocol, {"onOpen", "onClose", "sendData", "dropConnection", "handle_reply"}),
    (
        daphne,
        DaphneServer,
        {"run", "stop", "create_application", "listen_success", "kill_all_applications", "handle_reply"},
    ),
    (channel_layer, pubsub.RedisPubSubChannelLayer, {"_get_layer"}),
    (channel_layer, pubsub.RedisPubSubLoopLayer, {"_subscribe_to_channel"}),
    (channel_layer, pubsub.RedisSingleShardConnection, {"flush", "_ensure_receiver", "_do_receiving"}),
]

USED = [
    # `queue` is what the application receives from; `request` and `response` are the handshake's.
    (WebSocketsSansIOProtocol, "queue request response loop transport close_timeout"),
    # uvicorn's `send` over HTTP is a method of this, which holds the transport to abort.
    (RequestResponseCycle, "send transport"),
    # `run` makes the factories, calls `ready_callable` and, unless `abort_start`, runs the reactor.
    (
        DaphneServer,
        "http_factory ws_factory ready_callable abort_start signal_handlers connections application",
    ),
    (HTTPFactory, "buildProtocol"),
    (HTTPChannel, "requestFactory transport loseConnection"),
    # `content` is the file that the body is written to; Twisted sets `channel` to None when the connection is lost.
    (DaphneRequest, "content channel producer registerProducer unregisterProducer"),
    (WebSocketFactory, "protocol buildProtocol setProtocolOptions"),
    # A protocol copies each of CONFIG_ATTRS from its factory unless its class has it.
    (DaphneProtocol, "CONFIG_ATTRS state STATE_OPEN STATE_CONNECTING request transport sendCloseFrame"),
    (Connection, "writeSomeData write connected registerProducer unregisterProducer abortConnection"),
    # `_layers` are by event loop; a layer is made of `_args` and `_kwargs`.
    (pubsub.RedisPubSubChannelLayer, "_layers _args _kwargs serialize"),
    (pubsub.RedisPubSubLoopLayer, "_shards _get_shard _get_group_channel_name channels"),
    # `_lock` is held by what subscribes; `_receive_task` runs `_do_receiving`.
    (
        pubsub.RedisSingleShardConnection,
        "_redis _pubsub _receive_task _subscribed_to _lock _ensure_redis _receive_message",
    ),
    (utils, "_wrap_close decode_hosts"),
]


def ours(module: ModuleType, stock: type) -> type:
    """Return the one subclass of `stock` in the module."""
    (found,) = (
        each
        for each in vars(module).values()
        if inspect.isclass(each) and issubclass(each, stock) and each is not stock
    )
    return found


def attributes(owner: Any) -> set[str]:
    """Return the names that the owner has, and those that a class sets on its instances."""
    names = set(dir(owner))
    for each in inspect.getmro(owner)[:-1] if inspect.isclass(owner) else ():
        for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(each)))):
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                names.add(node.attr)
    return names


@pytest.mark.parametrize(
    ("module", "stock", "names"), OVERRIDDEN, ids=[stock.__name__ for _, stock, _ in OVERRIDDEN]
)
def test_each_override_overrides_something(module: ModuleType, stock: type, names: set[str]) -> None:
    """The parameters must have the same names, too, since the stock code may pass them by name."""
    subclass = ours(module, stock)
    own = {name for name, value in vars(subclass).items() if inspect.isfunction(value) and name != "__init__"}
    assert {name for name in own if hasattr(stock, name)} == names
    for name in names:
        expected = inspect.signature(getattr(stock, name)).parameters
        assert list(inspect.signature(getattr(subclass, name)).parameters) == list(expected), name


@pytest.mark.parametrize(("owner", "names"), USED, ids=[owner.__name__ for owner, _ in USED])
def test_each_used_name_exists(owner: Any, names: str) -> None:
    assert set(names.split()) <= attributes(owner)


def test_daphne_keeps_the_task_of_a_connection_where_we_put_it() -> None:
    assert 'self.connections[protocol]["application_instance"]' in inspect.getsource(DaphneServer)


def test_a_protocol_of_daphne_takes_our_options() -> None:
    assert {"failByDrop", "allowNullOrigin"} <= set(
        inspect.signature(WebSocketFactory.setProtocolOptions).parameters
    )
    assert "perMessageCompressionAccept" in DaphneProtocol.CONFIG_ATTRS
    assert {"code", "reasonUtf8", "isReply"} <= set(
        inspect.signature(DaphneProtocol.sendCloseFrame).parameters
    )
