import { type SubmitEvent, useState } from 'react';
import type { Session } from '../../shared/session';
import { inWords } from '../api/problems';
import { Avatar } from './Avatar';

/** Users of the demo data; all have the same password. */
const DEMO_PEOPLE = [
  { username: 'ann', name: 'Ann' },
  { username: 'bob', name: 'Bob' },
  { username: 'cy', name: 'Cy' },
];
const DEMO_PASSWORD = 'parlor-demo';

export function Login({ session }: { session: Session }) {
  const [username, setUsername] = useState('');
  const [password, setPassword] = useState('');
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState(session.endedBecause);

  async function logIn(name: string, secret: string): Promise<void> {
    setBusy(true);
    setProblem(null);
    try {
      await session.login(name, secret);
    } catch (error) {
      setProblem(inWords(error));
      setBusy(false);
    }
  }

  function submit(event: SubmitEvent): void {
    event.preventDefault();
    void logIn(username, password);
  }

  return (
    <main className="login">
      <h1>Parlor</h1>
      <p className="muted">A demo chat. Open it in two windows, log in as two different people, and chat.</p>
      <div className="people">
        {DEMO_PEOPLE.map((person) => (
          <button
            key={person.username}
            type="button"
            disabled={busy}
            onClick={() => void logIn(person.username, DEMO_PASSWORD)}
          >
            <Avatar name={person.name} seed={person.username} />
            Log in as {person.username}
          </button>
        ))}
      </div>
      <form onSubmit={submit}>
        <label>
          Username
          <input
            autoComplete="username"
            autoCapitalize="none"
            required
            value={username}
            onChange={(event) => setUsername(event.target.value)}
          />
        </label>
        <label>
          Password
          <input
            type="password"
            autoComplete="current-password"
            required
            value={password}
            onChange={(event) => setPassword(event.target.value)}
          />
        </label>
        {problem && (
          <p className="problem" role="alert">
            {problem}
          </p>
        )}
        <button type="submit" className="primary" disabled={busy}>
          {busy ? 'Logging in…' : 'Log in'}
        </button>
      </form>
    </main>
  );
}
