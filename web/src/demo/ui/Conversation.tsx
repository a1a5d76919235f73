import { useEffect, useState } from 'react';
import type { Chat } from '../api/operations';
import { inWords } from '../api/problems';
import { loadNewest, loadOlder } from '../live/history';
import { useStore } from '../model/store';
import { Composer } from './Composer';
import { chatName, chatSubtitle } from './chatName';
import { DraftRow } from './DraftRow';
import { MessageRow } from './MessageRow';
import { usePage } from './page';
import { useScroll } from './useScroll';

const RETRY_MS = 3_000;

/** The open chat: its messages, the unsent drafts, and the input field. */
export function Conversation({ chat }: { chat: Chat }) {
  const { store, sender, viewerId } = usePage();
  const timeline = useStore(store, (state) => state.timelines[chat.id]);
  const outbox = useStore(store, (state) => state.outbox);
  const problem = useNewestPage(chat.id);
  const older = useOlderPages(chat.id);
  const messages = timeline?.messages ?? [];
  const drafts = outbox.filter((draft) => draft.chatId === chat.id);
  const scroll = useScroll(messages, drafts.length, older.load);
  const name = chatName(chat, viewerId);

  return (
    <main className="conversation">
      <header>
        <button
          type="button"
          className="back"
          aria-label="Back to the chats"
          onClick={() => store.dispatch({ type: 'chatOpened', chatId: null })}
        >
          ←
        </button>
        <div>
          <h2>{name}</h2>
          <span className="muted">{chatSubtitle(chat)}</span>
        </div>
      </header>
      <div className="scroll" ref={scroll.ref} onScroll={scroll.onScroll}>
        {problem && (
          <p className="problem" role="alert">
            {problem}
          </p>
        )}
        {timeline?.older?.hasMore && (
          <button type="button" className="older" disabled={older.busy} onClick={older.load}>
            {older.busy ? 'Loading…' : 'Show older messages'}
          </button>
        )}
        {timeline?.older?.hasMore === false && <p className="beginning muted">The beginning of this chat</p>}
        <ol role="log" aria-label={`Messages in ${name}`}>
          {messages.map((message, index) => (
            <MessageRow
              key={message.id}
              message={message}
              before={messages[index - 1]}
              isOwn={message.sender?.id === viewerId}
              isDirect={chat.kind === 'DIRECT'}
            />
          ))}
          {drafts.map((draft) => (
            <DraftRow key={draft.clientId} draft={draft} sender={sender} />
          ))}
        </ol>
      </div>
      {timeline?.ended ? (
        <p className="ended muted">You can no longer write in this chat.</p>
      ) : (
        <Composer label={`Message to ${name}`} onSend={(text) => sender.send(chat.id, text)} />
      )}
    </main>
  );
}

/** Fetches the newest page if there is none yet or the timeline has a hole; retries until it succeeds. */
function useNewestPage(chatId: string): string | null {
  const { apollo, store } = usePage();
  const [problem, setProblem] = useState<string | null>(null);
  const isNeeded = useStore(store, ({ timelines }) => {
    const timeline = timelines[chatId];
    return timeline ? timeline.older === null || timeline.stale : false;
  });

  useEffect(() => {
    if (!isNeeded) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isCurrent = true;
    const load = (): Promise<void> =>
      loadNewest(apollo, store, chatId).then(
        () => setProblem(null),
        (error: unknown) => {
          if (!isCurrent) return;
          setProblem(inWords(error));
          timer = setTimeout(() => void load(), RETRY_MS);
        },
      );
    void load();
    return () => {
      isCurrent = false;
      clearTimeout(timer);
    };
  }, [apollo, store, chatId, isNeeded]);
  return problem;
}

function useOlderPages(chatId: string): { busy: boolean; load: () => void } {
  const { apollo, store } = usePage();
  const [busy, setBusy] = useState(false);

  function load(): void {
    if (busy) return;
    setBusy(true);
    void loadOlder(apollo, store, chatId)
      .catch(() => undefined) // The button stays, so the user can press it again.
      .finally(() => setBusy(false));
  }
  return { busy, load };
}
