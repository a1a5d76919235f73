import { ask, RequestRefused } from './request';

export interface Person {
  id: string;
  username: string;
  displayName: string;
}

export interface Tokens {
  accessToken: string;
  refreshToken: string;
  /** ISO 8601, UTC. */
  accessExpiresAt: string;
  user: Person;
}

const TOKENS = 'accessToken refreshToken accessExpiresAt user { id username displayName }';
const LOGIN = `mutation Login($username: String!, $password: String!) {
  login(username: $username, password: $password) { ${TOKENS} }
}`;
const REFRESH = `mutation Refresh($refreshToken: String!) {
  refreshTokens(refreshToken: $refreshToken) { ${TOKENS} }
}`;
const LOGOUT = 'mutation Logout($refreshToken: String!) { logout(refreshToken: $refreshToken) }';

/** An access token that expires within this time is refreshed before it is used. */
const MARGIN_MS = 30_000;

/**
 * The login session of this page. The tokens are in sessionStorage: they survive a reload, end with the tab, and
 * two tabs can have different users.
 */
export class Session {
  readonly #key: string;
  readonly #storage: Storage;
  readonly #listeners = new Set<() => void>();
  #tokens: Tokens | null;
  #endedBecause: string | null = null;
  #refreshing: Promise<void> | null = null;

  constructor(key: string, storage: Storage = sessionStorage) {
    this.#key = key;
    this.#storage = storage;
    this.#tokens = readTokens(storage.getItem(key));
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly current = (): Tokens | null => this.#tokens;

  /** Why the last session ended, if the user did not end it. */
  get endedBecause(): string | null {
    return this.#endedBecause;
  }

  async login(username: string, password: string): Promise<void> {
    const { login } = await ask<{ login: Tokens }>({ query: LOGIN, variables: { username, password } });
    this.#set(login, null);
  }

  /** Logs out: at once on this page, and on the server, which then accepts neither token. */
  logout(): void {
    const tokens = this.#tokens;
    if (!tokens) return;
    this.end();
    const variables = { refreshToken: tokens.refreshToken };
    const headers = { authorization: `Bearer ${tokens.accessToken}` };
    // Without a response this page has still forgotten the tokens, and they expire.
    ask({ query: LOGOUT, variables }, headers).catch(() => undefined);
  }

  end(because: string | null = null): void {
    if (this.#tokens) this.#set(null, because);
  }

  /** Milliseconds until the access token should be refreshed; negative once that is due. */
  get freshForMs(): number {
    return this.#tokens ? Date.parse(this.#tokens.accessExpiresAt) - MARGIN_MS - Date.now() : 0;
  }

  /**
   * Returns an access token that stays valid for a while; null if nobody is logged in. Throws if the network fails
   * during a refresh; ends the session if the server refuses the refresh.
   */
  async freshToken(): Promise<string | null> {
    if (this.#tokens && this.freshForMs <= 0) await this.#refresh();
    return this.#tokens?.accessToken ?? null;
  }

  /** Marks the access token as rejected by the server, whatever its expiry: the next use refreshes it first. */
  distrustAccessToken(): void {
    if (this.#tokens) this.#tokens = { ...this.#tokens, accessExpiresAt: new Date(0).toISOString() };
  }

  /** Runs one refresh at a time, because a refresh token works once. */
  #refresh(): Promise<void> {
    this.#refreshing ??= this.#exchange().finally(() => {
      this.#refreshing = null;
    });
    return this.#refreshing;
  }

  async #exchange(): Promise<void> {
    const tokens = this.#tokens;
    if (!tokens) return;
    try {
      const variables = { refreshToken: tokens.refreshToken };
      const { refreshTokens } = await ask<{ refreshTokens: Tokens }>({ query: REFRESH, variables });
      if (this.#tokens === tokens) this.#set(refreshTokens, null);
    } catch (error) {
      if (!(error instanceof RequestRefused)) throw error;
      if (this.#tokens === tokens) this.#set(null, 'Your session has ended. Please log in again.');
    }
  }

  #set(tokens: Tokens | null, endedBecause: string | null): void {
    this.#tokens = tokens;
    this.#endedBecause = endedBecause;
    if (tokens) this.#storage.setItem(this.#key, JSON.stringify(tokens));
    else this.#storage.removeItem(this.#key);
    for (const listener of [...this.#listeners]) listener();
  }
}

function readTokens(stored: string | null): Tokens | null {
  if (!stored) return null;
  try {
    const tokens = JSON.parse(stored) as Partial<Tokens>;
    return tokens.accessToken && tokens.refreshToken && tokens.user ? (tokens as Tokens) : null;
  } catch {
    return null;
  }
}
