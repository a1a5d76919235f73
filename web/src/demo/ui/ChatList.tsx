import type { Chat, Message } from '../api/operations';
import { useStore } from '../model/store';
import type { Timeline } from '../model/timeline';
import { Avatar } from './Avatar';
import { chatName, chatSeed } from './chatName';
import { usePage } from './page';
import { clockOrDay } from './times';

export function ChatList({ chats }: { chats: readonly Chat[] }) {
  const { store, viewerId } = usePage();
  const timelines = useStore(store, (state) => state.timelines);
  const openChatId = useStore(store, (state) => state.openChatId);
  const rows = chats
    .map((chat) => ({ chat, last: newest(chat, timelines[chat.id]) }))
    .sort((a, b) => (b.last?.createdAt ?? '').localeCompare(a.last?.createdAt ?? ''));

  return (
    <nav aria-label="Chats">
      <ul className="chats">
        {rows.map(({ chat, last }) => (
          <li key={chat.id}>
            <button
              type="button"
              aria-current={chat.id === openChatId}
              onClick={() => store.dispatch({ type: 'chatOpened', chatId: chat.id })}
            >
              <Avatar name={chatName(chat, viewerId)} seed={chatSeed(chat, viewerId)} />
              <span className="name">{chatName(chat, viewerId)}</span>
              {last && <time dateTime={last.createdAt}>{clockOrDay(last.createdAt)}</time>}
              <span className="preview">{last ? preview(last, viewerId) : 'No messages yet'}</span>
              <Unread count={timelines[chat.id]?.unread ?? 0} />
            </button>
          </li>
        ))}
      </ul>
    </nav>
  );
}

function Unread({ count }: { count: number }) {
  if (count === 0) return null;
  return (
    <span className="unread">
      {count}
      <span className="spoken"> unread</span>
    </span>
  );
}

/** The newest message: the timeline's if it has that message or a newer one, else the one from the list of chats. */
function newest(chat: Chat, timeline: Timeline | undefined): Message | null {
  const live = timeline?.messages.at(-1) ?? null;
  if (live && live.seq >= (chat.lastMessage?.seq ?? 0)) return live;
  return chat.lastMessage && { ...chat.lastMessage, ...timeline?.changes[chat.lastMessage.id] };
}

function preview(message: Message, viewerId: string): string {
  if (message.deletedAt) return 'Message deleted';
  const own = message.sender?.id === viewerId;
  return own ? `You: ${message.text}` : message.text;
}
