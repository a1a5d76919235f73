import type { FeedEvent, Message, MessagePage } from '../api/operations';

/**
 * What this page knows of one chat. `cursor` is the promise that carries it through reconnects: every durable
 * event up to that seq has been applied, so a feed that starts with `since: cursor` misses nothing.
 */
export interface Timeline {
  cursor: number;
  /** By seq, each message once. Complete from its first message on. */
  messages: readonly Message[];
  /** Edits and deletions by message id: a page that was read before them must not bring the old text back. */
  changes: Readonly<Record<string, Partial<Message>>>;
  /** Where the page before the first message begins; null until the newest page has come. */
  older: { cursor: string | null; hasMore: boolean } | null;
  /** Events are missing: the newest page must be fetched anew. */
  stale: boolean;
  /** Messages of others that came while the chat was not the open one. */
  unread: number;
  /** The feed ended for good: the person is no longer a member. */
  ended: boolean;
}

/** A chat whose feed starts behind `cursor`, with nothing loaded yet. */
export function emptyTimeline(cursor: number): Timeline {
  return { cursor, messages: [], changes: {}, older: null, stale: false, unread: 0, ended: false };
}

/** One event of the chat's feed. A seq that was applied before changes nothing; a hole marks the timeline stale. */
export function applyEvent(timeline: Timeline, event: FeedEvent): Timeline {
  if (event.__typename === 'FeedReady') {
    return event.seq - timeline.cursor > event.replayed ? { ...timeline, stale: true } : timeline;
  }
  if (event.__typename === 'FeedReset') return { ...timeline, cursor: event.seq, stale: true };
  if (event.seq === undefined || event.seq <= timeline.cursor) return timeline;
  const next = { ...timeline, cursor: event.seq, stale: timeline.stale || event.seq > timeline.cursor + 1 };
  switch (event.__typename) {
    case 'MessagePosted':
      return { ...next, messages: union(next.messages, [event.message]) };
    case 'MessageEdited':
      return withChange(next, event.message.id, {
        text: event.message.text,
        editedAt: event.message.editedAt,
      });
    case 'MessageDeleted':
      return withChange(next, event.messageId, { text: '', deletedAt: event.at });
    default:
      return next;
  }
}

function withChange(timeline: Timeline, messageId: string, change: Partial<Message>): Timeline {
  const changes = { ...timeline.changes, [messageId]: { ...timeline.changes[messageId], ...change } };
  return { ...timeline, changes, messages: changed(timeline.messages, changes) };
}

function changed(messages: readonly Message[], changes: Timeline['changes']): Message[] {
  return messages.map((message) => ({ ...message, ...changes[message.id] }));
}

/** The answer to a send of this page's own. Its event still comes through the feed, which alone moves the cursor. */
export function applySent(timeline: Timeline, message: Message): Timeline {
  return { ...timeline, messages: union(timeline.messages, [message]) };
}

/** The page before the messages that are there. */
export function applyOlderPage(timeline: Timeline, page: MessagePage): Timeline {
  const older = changed(nodes(page), timeline.changes);
  return { ...timeline, messages: union(older, timeline.messages), older: olderThan(page) };
}

/**
 * The newest page: the first one, or the one that mends a stale timeline. What lies before the page goes, since
 * there may be a hole between. `lastSeq` was read before the page, so the page knows of all events up to it.
 */
export function applyNewestPage(timeline: Timeline, page: MessagePage, lastSeq: number): Timeline {
  const changes = timeline.stale ? {} : timeline.changes;
  const fresh = changed(nodes(page), changes);
  const start = fresh[0]?.seq ?? 0;
  const kept = timeline.messages.filter((message) => message.seq >= start);
  return {
    ...timeline,
    messages: union(kept, fresh),
    changes,
    older: olderThan(page),
    cursor: timeline.stale ? Math.max(timeline.cursor, lastSeq) : timeline.cursor,
    stale: false,
  };
}

function nodes(page: MessagePage): Message[] {
  return page.edges.map((edge) => edge.node);
}

function olderThan({ pageInfo }: MessagePage): Timeline['older'] {
  return { cursor: pageInfo.startCursor, hasMore: pageInfo.hasPreviousPage };
}

/** Both lists as one, by seq; where both have a message, it is taken from the second. */
function union(first: readonly Message[], second: readonly Message[]): Message[] {
  const bySeq = new Map([...first, ...second].map((message) => [message.seq, message]));
  return [...bySeq.values()].sort((a, b) => a.seq - b.seq);
}
