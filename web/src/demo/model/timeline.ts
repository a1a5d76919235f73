import type { FeedEvent, Message, MessagePage } from '../api/operations';

/**
 * What the page knows of one chat. Every durable event up to the seq `cursor` has been applied, so a feed that starts
 * with `since: cursor` misses nothing after a reconnect.
 */
export interface Timeline {
  cursor: number;
  /** Ordered by seq, each message once. Complete from the first of these messages on. */
  messages: readonly Message[];
  /** Edits and deletions by message id, so that a page that was read before them does not restore the old text. */
  changes: Readonly<Record<string, Partial<Message>>>;
  /** The cursor of the page before the first message; null until the newest page has arrived. */
  older: { cursor: string | null; hasMore: boolean } | null;
  /** Events are missing: the newest page must be fetched again. */
  stale: boolean;
  /** Messages of other users that arrived while the chat was not open. */
  unread: number;
  /** The feed ended for good: the user is no longer a member. */
  ended: boolean;
}

/** The timeline of a chat whose feed starts after `cursor`, with nothing loaded yet. */
export function emptyTimeline(cursor: number): Timeline {
  return { cursor, messages: [], changes: {}, older: null, stale: false, unread: 0, ended: false };
}

/** Applies an event of the chat's feed. An already applied seq changes nothing; a hole marks the timeline stale. */
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

/** Applies the response to a send of this page. Only the message's event, which the feed delivers, moves the cursor. */
export function applySent(timeline: Timeline, message: Message): Timeline {
  return { ...timeline, messages: union(timeline.messages, [message]) };
}

/** Adds the page before the loaded messages. */
export function applyOlderPage(timeline: Timeline, page: MessagePage): Timeline {
  const older = changed(nodes(page), timeline.changes);
  return { ...timeline, messages: union(older, timeline.messages), older: olderThan(page) };
}

/**
 * Applies the newest page: the first one, or the one that repairs a stale timeline. Messages before the page are
 * removed, because there may be a hole between. `lastSeq` was read before the page, so the page includes all events
 * up to it.
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

/** Merges both lists, ordered by seq. If both have a message, the second list wins. */
function union(first: readonly Message[], second: readonly Message[]): Message[] {
  const bySeq = new Map([...first, ...second].map((message) => [message.seq, message]));
  return [...bySeq.values()].sort((a, b) => a.seq - b.seq);
}
