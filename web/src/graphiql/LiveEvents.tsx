import type { GraphiQLPlugin } from '@graphiql/react';
import { useSyncExternalStore } from 'react';
import type { ExplorerSocket } from './socket';

/** A GraphiQL panel that lists every payload of a subscription, newest first. */
export function liveEventsPlugin(socket: ExplorerSocket): GraphiQLPlugin {
  return { title: 'Live events', icon: LiveIcon, content: () => <LiveEvents socket={socket} /> };
}

function LiveEvents({ socket }: { socket: ExplorerSocket }) {
  const events = useSyncExternalStore(socket.events.subscribe, socket.events.get);
  return (
    <section aria-label="Live events" className="live-events">
      <header>
        <h2>Live events</h2>
        {events.length > 0 && (
          <button type="button" onClick={socket.forgetEvents}>
            Clear
          </button>
        )}
      </header>
      {events.length === 0 && <p>Run a subscription: its events are listed here, newest first.</p>}
      <ol>
        {events.map((event) => (
          <li key={event.number}>
            <h3>
              {event.operation} ·{' '}
              <time dateTime={event.at.toISOString()}>{event.at.toLocaleTimeString()}</time>
            </h3>
            <pre>{JSON.stringify(event.response, null, 2)}</pre>
          </li>
        ))}
      </ol>
    </section>
  );
}

function LiveIcon() {
  return (
    <svg viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth="1.5" aria-hidden="true">
      <circle cx="12" cy="12" r="2.5" fill="currentColor" />
      <path d="M7.5 7.5a6.4 6.4 0 0 0 0 9M16.5 7.5a6.4 6.4 0 0 1 0 9M4.5 4.5a10.6 10.6 0 0 0 0 15M19.5 4.5a10.6 10.6 0 0 1 0 15" />
    </svg>
  );
}
