import type { ApolloClient } from '@apollo/client';
import { CHAT_PAGE } from '../api/operations';
import type { Store } from '../model/store';

async function fetchPage(apollo: ApolloClient, chatId: string, before: string | null) {
  const variables = { chatId, before };
  const { data } = await apollo.query({ query: CHAT_PAGE, variables, fetchPolicy: 'no-cache' });
  return data?.chat ?? null;
}

/** Loads the newest page of a chat, when the chat is opened and when its timeline has a hole. */
export async function loadNewest(apollo: ApolloClient, store: Store, chatId: string): Promise<void> {
  const chat = await fetchPage(apollo, chatId, null);
  if (chat) store.dispatch({ type: 'newestPage', chatId, page: chat.messages, lastSeq: chat.lastSeq });
  else store.dispatch({ type: 'feedEnded', chatId });
}

/** Loads the page before the loaded ones; does nothing at the beginning of the chat. */
export async function loadOlder(apollo: ApolloClient, store: Store, chatId: string): Promise<void> {
  const older = store.get().timelines[chatId]?.older;
  if (!older?.hasMore) return;
  const chat = await fetchPage(apollo, chatId, older.cursor);
  if (chat) store.dispatch({ type: 'olderPage', chatId, page: chat.messages });
}
