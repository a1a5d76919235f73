import { describe, expect, it } from 'vitest';
import type { FeedEvent, Message, MessagePage } from '../api/operations';
import {
  applyEvent,
  applyNewestPage,
  applyOlderPage,
  applySent,
  emptyTimeline,
  type Timeline,
} from './timeline';

function message(seq: number, text = `text ${seq}`): Message {
  const createdAt = '2026-01-01T00:00:00Z';
  return {
    id: `m${seq}`,
    seq,
    clientId: `c${seq}`,
    sender: { id: 'ann', displayName: 'Ann' },
    text,
    createdAt,
    editedAt: null,
    deletedAt: null,
  };
}

const posted = (seq: number): FeedEvent => ({ __typename: 'MessagePosted', seq, message: message(seq) });

function page(seqs: number[], hasPreviousPage = false): MessagePage {
  return {
    edges: seqs.map((seq) => ({ node: message(seq) })),
    pageInfo: { hasPreviousPage, startCursor: seqs.length ? `before ${seqs[0]}` : null },
  };
}

const play = (start: Timeline, events: FeedEvent[]): Timeline => events.reduce(applyEvent, start);
const seqs = (timeline: Timeline): number[] => timeline.messages.map((one) => one.seq);

describe('events of a feed', () => {
  it('are applied in order and once each', () => {
    const timeline = play(emptyTimeline(4), [posted(5), posted(6), posted(5), posted(6), posted(7)]);
    expect(seqs(timeline)).toEqual([5, 6, 7]);
    expect(timeline).toMatchObject({ cursor: 7, stale: false });
  });

  it('move the cursor even if their type is not shown', () => {
    const timeline = play(emptyTimeline(4), [posted(5), { __typename: 'Other', seq: 6 }, posted(7)]);
    expect(timeline).toMatchObject({ cursor: 7, stale: false });
  });

  it('do not move the cursor if they are ephemeral', () => {
    expect(applyEvent(emptyTimeline(4), { __typename: 'Other' }).cursor).toBe(4);
  });

  it('mark the timeline stale at a hole, and are still shown', () => {
    const timeline = play(emptyTimeline(4), [posted(5), posted(8)]);
    expect(seqs(timeline)).toEqual([5, 8]);
    expect(timeline).toMatchObject({ cursor: 8, stale: true });
  });

  it('edit and delete loaded messages', () => {
    const timeline = play(emptyTimeline(0), [
      posted(1),
      posted(2),
      { __typename: 'MessageEdited', seq: 3, message: { ...message(1), text: 'better' } },
      { __typename: 'MessageDeleted', seq: 4, at: '2026-01-02T00:00:00Z', messageId: 'm2' },
    ]);
    expect(timeline.messages.map((one) => one.text)).toEqual(['better', '']);
    expect(timeline.messages[1]?.deletedAt).toBe('2026-01-02T00:00:00Z');
  });
});

describe('a feed that starts again', () => {
  it('continues if all missed events are replayed', () => {
    const timeline = play(emptyTimeline(4), [
      { __typename: 'FeedReady', seq: 6, replayed: 2 },
      posted(5),
      posted(6),
    ]);
    expect(timeline).toMatchObject({ cursor: 6, stale: false });
  });

  it('makes the timeline stale if the server replays less than was missed', () => {
    expect(applyEvent(emptyTimeline(4), { __typename: 'FeedReady', seq: 6, replayed: 0 }).stale).toBe(true);
  });

  it('makes the timeline stale after a reset, and continues from its seq', () => {
    const timeline = applyEvent(emptyTimeline(4), {
      __typename: 'FeedReset',
      seq: 90,
      reason: 'BEYOND_HORIZON',
    });
    expect(timeline).toMatchObject({ cursor: 90, stale: true });
  });
});

describe('pages', () => {
  it('are merged with the events that the feed delivered before them', () => {
    const timeline = applyNewestPage(
      play(emptyTimeline(4), [posted(5), posted(6)]),
      page([3, 4, 5], true),
      5,
    );
    expect(seqs(timeline)).toEqual([3, 4, 5, 6]);
    expect(timeline).toMatchObject({ cursor: 6, older: { cursor: 'before 3', hasMore: true } });
  });

  it('never move the cursor of a complete timeline, because its feed delivers those events', () => {
    expect(applyNewestPage(emptyTimeline(4), page([5, 6]), 6).cursor).toBe(4);
  });

  it('repair a stale timeline: messages before the page are removed, newer ones stay', () => {
    const stale = play(applyNewestPage(emptyTimeline(2), page([1, 2]), 2), [posted(9)]);
    const mended = applyNewestPage(stale, page([6, 7, 8], true), 8);
    expect(seqs(mended)).toEqual([6, 7, 8, 9]);
    expect(mended).toMatchObject({ cursor: 9, stale: false, older: { hasMore: true } });
  });

  it('do not restore texts that were edited or deleted while they were loading', () => {
    const before = play(emptyTimeline(4), [
      { __typename: 'MessageEdited', seq: 5, message: { ...message(2), text: 'better' } },
      { __typename: 'MessageDeleted', seq: 6, at: '2026-01-02T00:00:00Z', messageId: 'm3' },
    ]);
    const timeline = applyOlderPage(applyNewestPage(before, page([3, 4], true), 4), page([1, 2]));
    expect(timeline.messages.map((one) => one.text)).toEqual(['text 1', 'better', '', 'text 4']);
  });

  it('extend the timeline backwards', () => {
    const timeline = applyOlderPage(applyNewestPage(emptyTimeline(4), page([3, 4], true), 4), page([1, 2]));
    expect(seqs(timeline)).toEqual([1, 2, 3, 4]);
    expect(timeline.older).toEqual({ cursor: 'before 1', hasMore: false });
  });
});

it('shows a sent message once, whether the response or the event arrives first', () => {
  const start = emptyTimeline(4);
  const answerFirst = applyEvent(applySent(start, message(5)), posted(5));
  const eventFirst = applySent(applyEvent(start, posted(5)), message(5));
  expect(answerFirst).toEqual(eventFirst);
  expect(seqs(answerFirst)).toEqual([5]);
});
