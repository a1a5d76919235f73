// The socket.io peer: socket.io with its Redis adapter, as in its documentation. A client joins the room of a chat.
//   node server.js <port> <path of the Redis socket>
import { createServer } from "node:http";
import { createAdapter } from "@socket.io/redis-adapter";
import { createClient } from "redis";
import { Server } from "socket.io";

const [port, redisPath] = process.argv.slice(2);

const publisher = createClient({ socket: { path: redisPath } });
const subscriber = publisher.duplicate();
await Promise.all([publisher.connect(), subscriber.connect()]);

const http = createServer();
const io = new Server(http, { adapter: createAdapter(publisher, subscriber) });
io.on("connection", (socket) => {
  socket.on("join", async (chat, acknowledge) => {
    await socket.join(chat);
    acknowledge();
  });
});
http.listen(Number(port), "127.0.0.1", 4096);
