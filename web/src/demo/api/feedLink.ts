import { ApolloLink, Observable } from '@apollo/client';
import { CombinedGraphQLErrors } from '@apollo/client/errors';
import { type GraphQLFormattedError, print } from 'graphql';
import type { Client } from 'graphql-ws';
import { describeClosing, isClosing } from '../../shared/closing';

/** The server closed the socket with a code after which clients must not reconnect by themselves. */
export class SocketRefused extends Error {
  override name = 'SocketRefused';
}

/**
 * An Apollo link for subscriptions over graphql-ws that resume where they stopped. After a lost socket, graphql-ws
 * sends the same `subscribe` message on the next one. For each `subscribe` message, this link reads the variables again
 * from the function `latestVariables` of the operation's context, so `since` is the seq of the last received event.
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
