import type { ApolloClient } from '@apollo/client';
import { createContext, useContext } from 'react';
import type { Session } from '../../shared/session';
import { createApollo } from '../api/client';
import { type LiveSocket, openSocket } from '../api/socket';
import { Sender } from '../live/sender';
import { Store } from '../model/store';

/** The objects that the components share while a user is logged in. */
export interface Page {
  viewerId: string;
  apollo: ApolloClient;
  socket: LiveSocket;
  store: Store;
  sender: Sender;
}

export function openPage(session: Session, viewerId: string): Page {
  const socket = openSocket(session);
  const apollo = createApollo(session, socket.client);
  const store = new Store(viewerId);
  return { viewerId, apollo, socket, store, sender: new Sender(apollo, store) };
}

export const PageContext = createContext<Page | null>(null);

export function usePage(): Page {
  const page = useContext(PageContext);
  if (!page) throw new Error('usePage was called outside of a PageContext.');
  return page;
}
