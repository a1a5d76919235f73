// Follows one chat with the client of graphql-ws, over as many sockets as that takes.
// Usage: node socket.mjs <document> <chat id>. Prints what happens, one JSON line each; where the client needs an address or
// a token it says so ({"wants": ...}) and reads it as a line from standard input.
import { createInterface } from 'node:readline';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';

const [query, chatId] = process.argv.slice(2);
const variables = { chatId };
const print = (line) => console.log(JSON.stringify(line));
const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

async function ask(wants) {
  print({ wants });
  return (await answers.next()).value;
}

function end(line) {
  print(line);
  process.exit();
}

const client = createClient({
  url: () => ask('url'),
  connectionParams: async () => ({ Authorization: `Bearer ${await ask('token')}` }),
  webSocketImpl: WebSocket,
  retryAttempts: 3,
  retryWait: async () => {}, // the test decides when
  on: {
    connected: () => print({ connected: true }),
    closed: ({ code }) => print({ closed: code }),
  },
});

client.subscribe(
  { query, variables },
  {
    next: ({ data }) => {
      // The client sends this very object again when it connects anew.
      variables.since = data.chatFeed.seq ?? variables.since;
      print({ event: data.chatFeed });
    },
    error: (error) => end({ error: error.code ?? error }),
    complete: () => end({ complete: true }),
  },
);
