import { ApolloClient, ApolloLink, HttpLink, InMemoryCache } from '@apollo/client';
import { SetContextLink } from '@apollo/client/link/context';
import { ErrorLink } from '@apollo/client/link/error';
import { OperationTypeNode } from 'graphql';
import type { Client } from 'graphql-ws';
import { GRAPHQL_PATH } from '../../shared/address';
import type { Session } from '../../shared/session';
import { FeedLink } from './feedLink';
import { errorCode } from './problems';

/** Creates the Apollo Client of a session: queries and mutations over HTTP, subscriptions over the page's websocket. */
export function createApollo(session: Session, socket: Client): ApolloClient {
  const authorize = new SetContextLink(async ({ headers }) => {
    const token = await session.freshToken();
    return { headers: { ...headers, ...(token && { authorization: `Bearer ${token}` }) } };
  });
  const watch = new ErrorLink(({ error }) => {
    if (errorCode(error) === 'UNAUTHENTICATED') session.end('Your session has ended. Please log in again.');
  });
  const http = ApolloLink.from([watch, authorize, new HttpLink({ uri: GRAPHQL_PATH })]);
  return new ApolloClient({
    cache: new InMemoryCache(),
    link: ApolloLink.split(
      ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
      new FeedLink(socket),
      http,
    ),
  });
}
