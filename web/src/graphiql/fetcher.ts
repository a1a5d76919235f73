import type { Fetcher, FetcherParams } from '@graphiql/toolkit';
import { getOperationAST, parse } from 'graphql';
import { post } from '../shared/request';
import type { ExplorerSocket, Headers } from './socket';

/** Sends queries and mutations over HTTP and subscriptions over the websocket, with the headers of the headers pane. */
export function createFetcher(socket: ExplorerSocket): Fetcher {
  return (params, options) => {
    const headers: Headers = options?.headers ?? {};
    if (!isSubscription(params)) return post(params, asStrings(headers)) as ReturnType<Fetcher>;
    const payload = {
      query: params.query,
      operationName: params.operationName ?? null,
      variables: params.variables as Record<string, unknown> | null,
    };
    return {
      subscribe: (observer: Parameters<ExplorerSocket['subscribe']>[2]) => ({
        unsubscribe: socket.subscribe(payload, headers, observer),
      }),
    } as ReturnType<Fetcher>;
  };
}

/** False for a document that does not parse: it goes over HTTP, so that the server reports the syntax error. */
function isSubscription({ query, operationName }: FetcherParams): boolean {
  try {
    return getOperationAST(parse(query), operationName)?.operation === 'subscription';
  } catch {
    return false;
  }
}

function asStrings(headers: Headers): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
}
