import { useQuery } from '@apollo/client/react';
import { useEffect, useState, useSyncExternalStore } from 'react';
import type { Person, Session } from '../../shared/session';
import { type Chat, HOME } from '../api/operations';
import { inWords } from '../api/problems';
import { followChat } from '../live/feeds';
import { useStore } from '../model/store';
import { ChatList } from './ChatList';
import { ConnectionBadge } from './ConnectionBadge';
import { Conversation } from './Conversation';
import { usePage } from './page';

/** The page of a logged-in user: the list of chats on the left, the open chat on the right. */
export function Messenger({ session, viewer }: { session: Session; viewer: Person }) {
  const { store, socket } = usePage();
  const openChatId = useStore(store, (state) => state.openChatId);
  const [round, setRound] = useState(0);
  const { chats, problem } = useChats();
  const open = chats.find((chat) => chat.id === openChatId);

  function reconnect(): void {
    socket.state.set({ phase: 'connecting' });
    setRound((before) => before + 1);
  }

  return (
    <div className="messenger" data-open={open ? 'chat' : 'list'}>
      {chats.map((chat) => (
        <Following key={`${chat.id} ${round}`} chatId={chat.id} />
      ))}
      <aside>
        <header>
          <h1>Parlor</h1>
          <ConnectionBadge socket={socket} onReconnect={reconnect} />
          <div className="me">
            <span>{viewer.displayName}</span>
            <button type="button" onClick={() => session.logout()}>
              Log out
            </button>
          </div>
        </header>
        {problem && (
          <p className="problem" role="alert">
            {problem}
          </p>
        )}
        <ChatList chats={chats} />
      </aside>
      {open ? (
        <Conversation key={open.id} chat={open} />
      ) : (
        <main className="nothing-open muted">Choose a chat to read it.</main>
      )}
    </div>
  );
}

/** The user's chats; fetched again when the window gets the focus or the socket reconnects. */
function useChats(): { chats: readonly Chat[]; problem: string | null } {
  const { store, socket } = usePage();
  const { data, error, refetch } = useQuery(HOME);
  const { phase } = useSyncExternalStore(socket.state.subscribe, socket.state.get);

  useEffect(() => {
    if (data) store.dispatch({ type: 'chatsListed', chats: data.chats.edges.map((edge) => edge.node) });
  }, [data, store]);

  useEffect(() => {
    const again = () => void refetch().catch(() => undefined);
    if (phase === 'live') again();
    window.addEventListener('focus', again);
    return () => window.removeEventListener('focus', again);
  }, [phase, refetch]);

  return {
    chats: data?.chats.edges.map((edge) => edge.node) ?? [],
    problem: error && !data ? inWords(error) : null,
  };
}

/** Renders nothing: keeps one chat's feed running while it is mounted. */
function Following({ chatId }: { chatId: string }) {
  const page = usePage();
  const isListed = useStore(page.store, ({ timelines }) => timelines[chatId]?.ended === false);
  useEffect(() => (isListed ? followChat(page, chatId) : undefined), [page, chatId, isListed]);
  return null;
}
