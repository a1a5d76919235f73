import type { ApolloClient } from '@apollo/client';
import { SEND_MESSAGE } from '../api/operations';
import { errorCode, inWords, retryAfterMs } from '../api/problems';
import type { Draft } from '../model/outbox';
import type { Store } from '../model/store';

const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 15_000;

/** Error codes of temporary failures; null means a network failure. */
const PASSING = new Set([null, 'RATE_LIMITED', 'INTERNAL']);

/**
 * Sends drafts, one at a time per chat so that they keep their order, and retries each until the server has it.
 * Retrying is safe: a draft keeps its clientId, and the same clientId means the same message.
 */
export class Sender {
  readonly #apollo: ApolloClient;
  readonly #store: Store;
  readonly #queues = new Map<string, Promise<void>>();

  constructor(apollo: ApolloClient, store: Store) {
    this.#apollo = apollo;
    this.#store = store;
  }

  send(chatId: string, text: string): void {
    const clientId = randomId();
    const draft: Draft = { clientId, chatId, text, createdAt: new Date().toISOString(), state: 'sending' };
    this.#store.dispatch({ type: 'drafted', draft });
    this.#queue(draft);
  }

  tryAgain(draft: Draft): void {
    this.#mark(draft, 'sending');
    this.#queue(draft);
  }

  discard(draft: Draft): void {
    this.#store.dispatch({ type: 'draftDropped', clientId: draft.clientId });
  }

  #queue(draft: Draft): void {
    const before = this.#queues.get(draft.chatId) ?? Promise.resolve();
    this.#queues.set(
      draft.chatId,
      before.then(() => this.#deliver(draft)),
    );
  }

  async #deliver(draft: Draft): Promise<void> {
    for (let tries = 0; this.#isPending(draft); tries += 1) {
      try {
        return await this.#post(draft);
      } catch (error) {
        if (!PASSING.has(errorCode(error))) return this.#mark(draft, 'refused', inWords(error));
        this.#mark(draft, 'waiting', inWords(error));
        await pause(retryAfterMs(error) ?? Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** tries));
      }
    }
  }

  async #post({ chatId, text, clientId }: Draft): Promise<void> {
    const variables = { input: { chatId, text, clientId } };
    const { data } = await this.#apollo.mutate({
      mutation: SEND_MESSAGE,
      variables,
      fetchPolicy: 'no-cache',
    });
    if (!data) throw new Error('The server sent no message back.');
    this.#store.dispatch({ type: 'sent', chatId, message: data.sendMessage });
  }

  /** False if the feed has delivered the message meanwhile: the failed try reached the server after all. */
  #isPending(draft: Draft): boolean {
    return this.#store.get().outbox.some((one) => one.clientId === draft.clientId);
  }

  #mark({ clientId }: Draft, state: Draft['state'], problem = ''): void {
    this.#store.dispatch({ type: 'draftMarked', clientId, state, problem });
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Replaces crypto.randomUUID, which is missing on pages served without TLS from hosts other than localhost. */
function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
