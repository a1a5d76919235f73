// Subscribes with a real client over HTTP and prints each result, and how it ended, as one JSON line.
// Usage: node subscribe.mjs apollo|sse <url> <query> [token]
import { ApolloClient, gql, HttpLink, InMemoryCache } from '@apollo/client';
import { createClient } from 'graphql-sse';

const [client, url, query, token] = process.argv.slice(2);
const headers = token ? { authorization: `Bearer ${token}` } : {};
const print = (line) => console.log(JSON.stringify(line));

function withApollo() {
  const apollo = new ApolloClient({ cache: new InMemoryCache(), link: new HttpLink({ uri: url, headers }) });
  apollo.subscribe({ query: gql(query), errorPolicy: 'all', fetchPolicy: 'no-cache' }).subscribe({
    next: ({ data, error }) => print(error ? { error: describe(error) } : { data }),
    error: (error) => print({ error: describe(error) }),
    complete: () => print({ complete: true }),
  });
}

function withSse() {
  createClient({ url, headers, retryAttempts: 0 }).subscribe(
    { query },
    {
      next: (result) => print(result),
      error: (error) => print({ error: describe(error) }),
      complete: () => print({ complete: true }),
    },
  );
}

function describe(error) {
  return error.errors?.[0]?.extensions?.code ?? error.message;
}

({ apollo: withApollo, sse: withSse })[client]();
