import { ApolloLink, Observable } from '@apollo/client';
import { CombinedGraphQLErrors } from '@apollo/client/errors';
import { type GraphQLFormattedError, print } from 'graphql';
import type { Client } from 'graphql-ws';
import { describeClosing, isClosing } from '../../shared/closing';

/** The socket was closed for good: the server asks the client not to come back by itself. */
export class SocketRefused extends Error {
  override name = 'SocketRefused';
}

/**
 * Subscriptions over graphql-ws, able to go on where they stopped. When a socket is lost, graphql-ws sends the same
 * `subscribe` message on the next one; here its variables are read anew each time it is sent, from the function in
 * the operation's context, so that `since` is the seq of the last event that came.
 */
export class FeedLink extends ApolloLink {
  readonly #client: Client;

  constructor(client: Client) {
    super();
    this.#client = client;
  }

  override request(operation: ApolloLink.Operation): Observable<ApolloLink.Result> {
    const latest = operation.getContext().latestVariables as (() => Record<string, unknown>) | undefined;
    const payload = {
      query: print(operation.query),
      operationName: operation.operationName ?? null,
      get variables() {
        return { ...operation.variables, ...latest?.() };
      },
    };
    return new Observable((observer) =>
      this.#client.subscribe(payload, {
        next: (result) => observer.next(result as ApolloLink.Result),
        error: (error) => observer.error(asError(error)),
        complete: () => observer.complete(),
      }),
    );
  }
}

function asError(error: unknown): Error {
  if (Array.isArray(error)) return new CombinedGraphQLErrors({ errors: error as GraphQLFormattedError[] });
  if (isClosing(error)) return new SocketRefused(describeClosing(error));
  return error instanceof Error ? error : new Error('The websocket failed.');
}
