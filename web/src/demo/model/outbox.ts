import type { Message } from '../api/operations';

/** An unsent message: shown at once, and kept until the server has it or the user discards it. */
export interface Draft {
  clientId: string;
  chatId: string;
  text: string;
  createdAt: string;
  /** `waiting`: has not reached the server yet and is retried automatically. `refused`: the user decides. */
  state: 'sending' | 'waiting' | 'refused';
  problem?: string;
}

export type Outbox = readonly Draft[];

export function mark(outbox: Outbox, clientId: string, state: Draft['state'], problem = ''): Outbox {
  return outbox.map((draft) => (draft.clientId === clientId ? { ...draft, state, problem } : draft));
}

/** Removes the draft of an arrived message, by its clientId, whether the response or the feed brought it first. */
export function withoutArrived(outbox: Outbox, message: Message): Outbox {
  return outbox.some((draft) => draft.clientId === message.clientId)
    ? without(outbox, message.clientId)
    : outbox;
}

export function without(outbox: Outbox, clientId: string | null): Outbox {
  return outbox.filter((draft) => draft.clientId !== clientId);
}
