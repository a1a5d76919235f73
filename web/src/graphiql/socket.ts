import { type Client, createClient, type SubscribePayload } from 'graphql-ws';
import { socketAddress } from '../shared/address';
import { type Closing, describeClosing, isClosing } from '../shared/closing';
import type { GraphQLErrorShape, GraphQLResponse } from '../shared/request';
import { Value } from '../shared/value';

export type Headers = Record<string, unknown>;

export interface SocketState {
  phase: 'idle' | 'connecting' | 'open' | 'closed';
  /** For `closed`: the reason and the code; the server's own reason if it sent one. */
  detail?: string;
}

export interface LiveEvent {
  number: number;
  at: Date;
  operation: string;
  response: GraphQLResponse;
}

interface Observer {
  next(response: GraphQLResponse): void;
  complete(): void;
}

const EVENTS_KEPT = 200;

/**
 * The page's only websocket. The headers pane is its connection_init payload, so changed headers open a new socket.
 * It does not reconnect by itself: in an API explorer the user should see that a socket was closed, and start again.
 */
export class ExplorerSocket {
  readonly state = new Value<SocketState>({ phase: 'idle' });
  readonly events = new Value<readonly LiveEvent[]>([]);
  #client: Client | null = null;
  #headersInUse = '';
  #count = 0;

  /** Starts an operation; the returned function stops it. A failure arrives as a last response with `errors`. */
  subscribe(payload: SubscribePayload, headers: Headers, observer: Observer): () => void {
    const show = (response: GraphQLResponse): void => {
      this.#record(payload.operationName ?? 'subscription', response);
      observer.next(response);
    };
    return this.#clientFor(headers).subscribe(payload, {
      next: (response) => show(response as GraphQLResponse),
      error: (error) => {
        show({ errors: asErrors(error) });
        observer.complete();
      },
      complete: () => observer.complete(),
    });
  }

  readonly forgetEvents = (): void => this.events.set([]);

  #clientFor(headers: Headers): Client {
    const wanted = JSON.stringify(headers);
    if (this.#client && wanted === this.#headersInUse) return this.#client;
    void this.#client?.dispose();
    this.#headersInUse = wanted;
    this.#client = this.#connectWith(headers);
    return this.#client;
  }

  #connectWith(headers: Headers): Client {
    const client: Client = createClient({
      url: socketAddress(),
      connectionParams: headers,
      retryAttempts: 0,
      on: {
        connecting: () => this.#show(client, { phase: 'connecting' }),
        connected: () => this.#show(client, { phase: 'open' }),
        closed: (event) => this.#show(client, stateAfter(event)),
      },
    });
    return client;
  }

  /** Ignores a replaced client: its events are not about the current socket. */
  #show(client: Client, state: SocketState): void {
    if (client === this.#client) this.state.set(state);
  }

  #record(operation: string, response: GraphQLResponse): void {
    this.#count += 1;
    const event = { number: this.#count, at: new Date(), operation, response };
    this.events.set([event, ...this.events.get()].slice(0, EVENTS_KEPT));
  }
}

function stateAfter(event: unknown): SocketState {
  if (!isClosing(event)) return { phase: 'closed', detail: 'The connection was lost' };
  return event.code === 1000 ? { phase: 'idle' } : { phase: 'closed', detail: describeClosing(event) };
}

/** The errors that ended an operation: the server's GraphQL errors, a closed socket, or a failure to connect. */
function asErrors(error: unknown): GraphQLErrorShape[] {
  if (Array.isArray(error)) return error as GraphQLErrorShape[];
  if (isClosing(error)) return [closingAsError(error)];
  const message = error instanceof Error ? error.message : 'The websocket could not be opened.';
  return [{ message }];
}

function closingAsError(closing: Closing): GraphQLErrorShape {
  return {
    message: `The websocket was closed: ${describeClosing(closing)}`,
    extensions: { closeCode: closing.code, reason: closing.reason },
  };
}
