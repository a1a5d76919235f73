// The graphql-ws peer: graphql-ws over ws, events from graphql-redis-subscriptions over ioredis, as in their READMEs.
//   node server.js <port> <path of the Redis socket>
import { createServer } from "node:http";
import { makeExecutableSchema } from "@graphql-tools/schema";
import { RedisPubSub } from "graphql-redis-subscriptions";
import { useServer } from "graphql-ws/use/ws";
import { Redis } from "ioredis";
import { WebSocketServer } from "ws";

const [port, redisPath] = process.argv.slice(2);

const typeDefs = /* GraphQL */ `
  scalar DateTime
  type User {
    id: ID!
    username: String!
    displayName: String!
    avatarUrl: String
  }
  type Message {
    id: ID!
    text: String!
    createdAt: DateTime!
    sender: User
  }
  type FeedReady {
    chatId: ID!
    seq: Int!
  }
  type MessagePosted {
    chatId: ID!
    seq: Int!
    at: DateTime!
    actor: User
    message: Message!
  }
  union ChatFeedEvent = FeedReady | MessagePosted
  type Query {
    ok: Boolean!
  }
  type Subscription {
    chatFeed(chatId: ID!, since: Int): ChatFeedEvent!
  }
`;

const pubsub = new RedisPubSub({
  publisher: new Redis({ path: redisPath }),
  subscriber: new Redis({ path: redisPath }),
});

const resolvers = {
  Query: { ok: () => true },
  ChatFeedEvent: { __resolveType: (event) => event.__typename },
  Subscription: {
    chatFeed: { subscribe: (_root, { chatId }) => pubsub.asyncIterator(`chat.${chatId}`) },
  },
};

const http = createServer((_request, response) => response.writeHead(404).end());
const sockets = new WebSocketServer({ server: http, path: "/graphql/" });
useServer({ schema: makeExecutableSchema({ typeDefs, resolvers }) }, sockets);
http.listen(Number(port), "127.0.0.1", 4096);
