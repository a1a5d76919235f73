import { describe, expect, it } from 'vitest';
import type { Chat, FeedEvent, Message } from '../api/operations';
import type { Draft } from './outbox';
import { type Action, initialState, reduce, type State } from './state';

const chat = (id: string, lastSeq: number): Chat => ({
  id,
  kind: 'GROUP',
  title: id,
  lastSeq,
  memberCount: 2,
  lastMessage: null,
  members: { edges: [] },
});

function posted(seq: number, senderId: string, clientId: string | null = null): FeedEvent {
  const message: Message = {
    id: `m${seq}`,
    seq,
    clientId,
    sender: { id: senderId, displayName: senderId },
    text: 'hello',
    createdAt: '2026-01-01T00:00:00Z',
    editedAt: null,
    deletedAt: null,
  };
  return { __typename: 'MessagePosted', seq, message };
}

const draft: Draft = { clientId: 'c1', chatId: 'a', text: 'hello', createdAt: '', state: 'sending' };
const play = (actions: Action[]): State => actions.reduce(reduce, initialState('ann'));
const listed: Action = { type: 'chatsListed', chats: [chat('a', 3), chat('b', 7)] };

describe('the list of chats', () => {
  it('starts a timeline for each new chat and keeps existing ones', () => {
    const state = play([
      listed,
      { type: 'event', chatId: 'a', event: posted(4, 'bob') },
      { type: 'chatsListed', chats: [chat('a', 9), chat('c', 0)] },
    ]);
    expect(state.timelines.a?.cursor).toBe(4);
    expect(Object.keys(state.timelines)).toEqual(['a', 'b', 'c']);
  });

  it('counts messages of others in closed chats, each once, until the chat is opened', () => {
    const event: Action = { type: 'event', chatId: 'a', event: posted(4, 'bob') };
    const state = play([listed, { type: 'chatOpened', chatId: 'b' }, event, event]);
    expect(state.timelines.a?.unread).toBe(1);
    expect(reduce(state, { type: 'chatOpened', chatId: 'a' }).timelines.a?.unread).toBe(0);
  });

  it('does not count own messages from other devices, nor messages in the open chat', () => {
    const own = play([listed, { type: 'event', chatId: 'a', event: posted(4, 'ann') }]);
    const open = play([
      listed,
      { type: 'chatOpened', chatId: 'a' },
      { type: 'event', chatId: 'a', event: posted(4, 'bob') },
    ]);
    expect(own.timelines.a?.unread).toBe(0);
    expect(open.timelines.a?.unread).toBe(0);
  });
});

describe('the outbox', () => {
  it('removes a draft when the feed delivers it, even after its request failed', () => {
    const state = play([
      listed,
      { type: 'drafted', draft },
      { type: 'draftMarked', clientId: 'c1', state: 'waiting', problem: 'no network' },
      { type: 'event', chatId: 'a', event: posted(4, 'ann', 'c1') },
    ]);
    expect(state.outbox).toEqual([]);
  });

  it('keeps a draft when another user posts', () => {
    const state = play([
      listed,
      { type: 'drafted', draft },
      { type: 'event', chatId: 'a', event: posted(4, 'bob') },
    ]);
    expect(state.outbox).toHaveLength(1);
  });
});
