import { type SubmitEvent, useState, useSyncExternalStore } from 'react';
import type { Session } from '../shared/session';
import { useExampleChat, useToken } from './useToken';

/** Shows the logged-in user, or the login form. Writes the access token into the headers pane. */
export function LoginBox({ session }: { session: Session }) {
  const tokens = useSyncExternalStore(session.subscribe, session.current);
  useToken(session, tokens);
  useExampleChat(tokens);
  if (!tokens) return <LoginForm session={session} />;
  return (
    <div className="login">
      <span>
        Logged in as <strong>{tokens.user.displayName}</strong> ({tokens.user.username})
      </span>
      <button type="button" onClick={() => session.logout()}>
        Log out
      </button>
    </div>
  );
}

function LoginForm({ session }: { session: Session }) {
  const [username, setUsername] = useState('');
  const [password, setPassword] = useState('');
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState(session.endedBecause);

  async function submit(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    setBusy(true);
    setProblem(null);
    try {
      await session.login(username, password);
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
      setBusy(false);
    }
  }

  return (
    <form className="login" aria-label="Log in" onSubmit={(event) => void submit(event)}>
      {problem && (
        <span className="problem" role="alert">
          {problem}
        </span>
      )}
      <input
        aria-label="Username"
        placeholder="Username"
        autoComplete="username"
        autoCapitalize="none"
        required
        value={username}
        onChange={(event) => setUsername(event.target.value)}
      />
      <input
        aria-label="Password"
        placeholder="Password"
        type="password"
        autoComplete="current-password"
        required
        value={password}
        onChange={(event) => setPassword(event.target.value)}
      />
      <button type="submit" disabled={busy}>
        {busy ? 'Logging in…' : 'Log in'}
      </button>
    </form>
  );
}
