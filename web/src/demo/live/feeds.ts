import type { ApolloClient } from '@apollo/client';
import { SocketRefused } from '../api/feedLink';
import { CHAT_FEED } from '../api/operations';
import { errorCode, retryAfterMs } from '../api/problems';
import type { LiveSocket } from '../api/socket';
import type { Store } from '../model/store';

const RETRY_MS = 3_000;

/** Error codes after which the same feed would fail again. */
const FINAL = new Set(['NOT_FOUND', 'FORBIDDEN', 'BAD_INPUT', 'UNAUTHENTICATED']);

/**
 * Follows one chat until the returned function is called. Each start, including those after a lost socket, requests the
 * events after the timeline's cursor.
 */
export function followChat(
  { apollo, socket, store }: { apollo: ApolloClient; socket: LiveSocket; store: Store },
  chatId: string,
): () => void {
  const since = () => store.get().timelines[chatId]?.cursor ?? 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let stop = () => {};

  function start(): void {
    const feed = apollo.subscribe({
      query: CHAT_FEED,
      variables: { chatId, since: since() },
      fetchPolicy: 'no-cache',
      context: { latestVariables: () => ({ since: since() }) },
    });
    const subscription = feed.subscribe({
      next: ({ data, error }) => {
        if (data) store.dispatch({ type: 'event', chatId, event: data.chatFeed });
        else if (error) failed(error);
      },
      error: failed,
      complete: () => store.dispatch({ type: 'feedEnded', chatId }),
    });
    stop = () => subscription.unsubscribe();
  }

  function failed(error: unknown): void {
    stop();
    if (error instanceof SocketRefused) socket.state.set({ phase: 'refused', detail: error.message });
    else if (FINAL.has(errorCode(error) ?? '')) store.dispatch({ type: 'feedEnded', chatId });
    else timer = setTimeout(start, retryAfterMs(error) ?? RETRY_MS);
  }

  start();
  return () => {
    clearTimeout(timer);
    stop();
  };
}
