import { type Client, createClient } from 'graphql-ws';
import { socketAddress } from '../../shared/address';
import { describeClosing, isClosing } from '../../shared/closing';
import type { Session } from '../../shared/session';
import { Value } from '../../shared/value';

export interface SocketState {
  /** `waiting`: lost, and retried automatically. `refused`: the server forbids automatic retries; the user decides. */
  phase: 'connecting' | 'live' | 'waiting' | 'refused';
  detail?: string;
}

export interface LiveSocket {
  client: Client;
  state: Value<SocketState>;
}

const KEEP_ALIVE_MS = 15_000;
const PONG_WITHIN_MS = 5_000;
const IDLE_CLOSE_MS = 3_000;
const LONGEST_WAIT_MS = 15_000;

/** The server no longer accepts the token (graphql-transport-ws: Forbidden); the client reconnects with a new one. */
const FORBIDDEN = 4403;

/**
 * Opens the page's only websocket, which all its feeds share. graphql-ws reconnects and subscribes again by itself.
 * This function adds a fresh token for each connection, a check that the server still answers, and a state to display.
 */
export function openSocket(session: Session): LiveSocket {
  const state = new Value<SocketState>({ phase: 'connecting' });
  let pongDue: ReturnType<typeof setTimeout> | undefined;
  const client = createClient({
    url: socketAddress(),
    connectionParams: async () => {
      const token = await session.freshToken();
      return token ? { Authorization: `Bearer ${token}` } : {};
    },
    keepAlive: KEEP_ALIVE_MS,
    lazyCloseTimeout: IDLE_CLOSE_MS,
    retryAttempts: Number.POSITIVE_INFINITY,
    shouldRetry: () => true, // graphql-ws stops at the protocol's fatal codes regardless.
    retryWait: (retries) => waitToRetry(retries, session),
    on: {
      connected: () => state.set({ phase: 'live' }),
      closed: (event) => {
        clearTimeout(pongDue);
        if (isClosing(event) && event.code === FORBIDDEN) session.distrustAccessToken();
        const detail = isClosing(event) ? describeClosing(event) : 'The connection was lost';
        state.set({ phase: 'waiting', detail });
      },
      ping: (received) => {
        if (!received) pongDue = setTimeout(() => client.terminate(), PONG_WITHIN_MS);
      },
      pong: (received) => {
        if (received) clearTimeout(pongDue);
      },
    },
  });
  return { client, state };
}

/** Waits longer after each try, with jitter, or until the browser is online again. Afterwards the token is fresh. */
async function waitToRetry(retries: number, session: Session): Promise<void> {
  for (let failures = retries; ; failures += 1) {
    const wait = Math.min(LONGEST_WAIT_MS, 500 * 2 ** failures);
    await pause(wait / 2 + (Math.random() * wait) / 2);
    const exchanged = await session.freshToken().then(
      () => true,
      () => false,
    );
    if (exchanged) return;
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      window.removeEventListener('online', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    window.addEventListener('online', done);
  });
}
