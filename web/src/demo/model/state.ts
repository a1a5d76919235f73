import type { Chat, FeedEvent, Message, MessagePage } from '../api/operations';
import { type Draft, mark, type Outbox, without, withoutArrived } from './outbox';
import {
  applyEvent,
  applyNewestPage,
  applyOlderPage,
  applySent,
  emptyTimeline,
  type Timeline,
} from './timeline';

/** The complete state of the page of one user. */
export interface State {
  viewerId: string;
  openChatId: string | null;
  timelines: Readonly<Record<string, Timeline>>;
  outbox: Outbox;
}

export type Action =
  | { type: 'chatsListed'; chats: readonly Chat[] }
  | { type: 'chatOpened'; chatId: string | null }
  | { type: 'newestPage'; chatId: string; page: MessagePage; lastSeq: number }
  | { type: 'olderPage'; chatId: string; page: MessagePage }
  | { type: 'event'; chatId: string; event: FeedEvent }
  | { type: 'feedEnded'; chatId: string }
  | { type: 'drafted'; draft: Draft }
  | { type: 'draftMarked'; clientId: string; state: Draft['state']; problem?: string }
  | { type: 'draftDropped'; clientId: string }
  | { type: 'sent'; chatId: string; message: Message };

export function initialState(viewerId: string): State {
  return { viewerId, openChatId: null, timelines: {}, outbox: [] };
}

export function reduce(state: State, action: Action): State {
  switch (action.type) {
    case 'chatsListed':
      return { ...state, timelines: withChats(state.timelines, action.chats) };
    case 'chatOpened': {
      const opened = { ...state, openChatId: action.chatId };
      return action.chatId ? changed(opened, action.chatId, (chat) => ({ ...chat, unread: 0 })) : opened;
    }
    case 'newestPage':
      return changed(state, action.chatId, (chat) => applyNewestPage(chat, action.page, action.lastSeq));
    case 'olderPage':
      return changed(state, action.chatId, (chat) => applyOlderPage(chat, action.page));
    case 'event':
      return afterEvent(state, action.chatId, action.event);
    case 'feedEnded':
      return changed(state, action.chatId, (chat) => ({ ...chat, ended: true }));
    case 'drafted':
      return { ...state, outbox: [...state.outbox, action.draft] };
    case 'draftMarked':
      return { ...state, outbox: mark(state.outbox, action.clientId, action.state, action.problem) };
    case 'draftDropped':
      return { ...state, outbox: without(state.outbox, action.clientId) };
    case 'sent':
      return {
        ...changed(state, action.chatId, (chat) => applySent(chat, action.message)),
        outbox: withoutArrived(state.outbox, action.message),
      };
  }
}

/** Adds a timeline for each new chat. A known chat keeps its timeline, because only its feed moves the cursor. */
function withChats(timelines: State['timelines'], chats: readonly Chat[]): State['timelines'] {
  const added = chats.filter((chat) => !timelines[chat.id] || timelines[chat.id]?.ended);
  if (added.length === 0) return timelines;
  return { ...timelines, ...Object.fromEntries(added.map((chat) => [chat.id, emptyTimeline(chat.lastSeq)])) };
}

function afterEvent(state: State, chatId: string, event: FeedEvent): State {
  const before = state.timelines[chatId];
  const next = changed(state, chatId, (chat) => applyEvent(chat, event));
  if (event.__typename !== 'MessagePosted' || next.timelines[chatId] === before) return next;
  const outbox = withoutArrived(next.outbox, event.message);
  const isNews = chatId !== state.openChatId && event.message.sender?.id !== state.viewerId;
  const counted = isNews ? changed(next, chatId, (chat) => ({ ...chat, unread: chat.unread + 1 })) : next;
  return { ...counted, outbox };
}

function changed(state: State, chatId: string, change: (timeline: Timeline) => Timeline): State {
  const timeline = state.timelines[chatId];
  if (!timeline) return state;
  const next = change(timeline);
  return next === timeline ? state : { ...state, timelines: { ...state.timelines, [chatId]: next } };
}
