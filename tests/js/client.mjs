// Runs one operation with a real client and prints each result, and how it ended, as one JSON line each.
// Usage: node client.mjs apollo|sse|persisted <url> <document>; TOKEN may hold a bearer token.
import { createHash } from 'node:crypto';
import { ApolloClient, gql, HttpLink, InMemoryCache } from '@apollo/client';
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries';
import { createClient } from 'graphql-sse';

const [client, url, document] = process.argv.slice(2);
const headers = process.env.TOKEN ? { authorization: `Bearer ${process.env.TOKEN}` } : {};
const print = (line) => console.log(JSON.stringify(line));
const codeOf = (error) => error.errors?.[0]?.extensions?.code ?? error.message;

// Apollo Client: subscriptions come as multipart/mixed;subscriptionSpec=1.0.
function apollo() {
  const link = new HttpLink({ uri: url, headers });
  new ApolloClient({ cache: new InMemoryCache(), link })
    .subscribe({ query: gql(document), errorPolicy: 'all', fetchPolicy: 'no-cache' })
    .subscribe({
      next: ({ data, error }) => print(error ? { error: codeOf(error) } : { data }),
      error: (error) => print({ error: codeOf(error) }),
      complete: () => print({ complete: true }),
    });
}

// graphql-sse: text/event-stream, distinct connections mode.
function sse() {
  createClient({ url, headers, retryAttempts: 0 }).subscribe(
    { query: document },
    {
      next: ({ data, errors }) => print(errors ? { error: codeOf({ errors }) } : { data }),
      error: (error) => print({ error: codeOf(error) }),
      complete: () => print({ complete: true }),
    },
  );
}

// Apollo Client with automatic persisted queries: the operation runs twice; each request is printed before its result.
async function persisted() {
  const told = (input, init) => {
    const { query, extensions } = JSON.parse(init.body);
    print({ sentQuery: query !== undefined, sentHash: extensions?.persistedQuery !== undefined });
    return fetch(input, init);
  };
  const sha256 = (text) => createHash('sha256').update(text).digest('hex');
  const link = new PersistedQueryLink({ sha256 }).concat(new HttpLink({ uri: url, headers, fetch: told }));
  const apolloClient = new ApolloClient({ cache: new InMemoryCache(), link });
  for (let round = 0; round < 2; round += 1) {
    const { data } = await apolloClient.query({ query: gql(document), fetchPolicy: 'no-cache' });
    print({ data });
  }
  print({ complete: true });
}

await { apollo, sse, persisted }[client]();
