import type { Message } from '../api/operations';

/** A message on its way: shown at once, and kept until the server has it or the person gives it up. */
export interface Draft {
  clientId: string;
  chatId: string;
  text: string;
  createdAt: string;
  /** `waiting`: not reached the server yet, and tried again by itself. `refused`: the person decides. */
  state: 'sending' | 'waiting' | 'refused';
  problem?: string;
}

export type Outbox = readonly Draft[];

export function mark(outbox: Outbox, clientId: string, state: Draft['state'], problem = ''): Outbox {
  return outbox.map((draft) => (draft.clientId === clientId ? { ...draft, state, problem } : draft));
}

/** Without what has arrived: known by the clientId, whether the answer or the feed brought it first. */
export function withoutArrived(outbox: Outbox, message: Message): Outbox {
  return outbox.some((draft) => draft.clientId === message.clientId)
    ? without(outbox, message.clientId)
    : outbox;
}

export function without(outbox: Outbox, clientId: string | null): Outbox {
  return outbox.filter((draft) => draft.clientId !== clientId);
}
