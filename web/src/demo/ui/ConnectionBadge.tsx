import { useSyncExternalStore } from 'react';
import type { LiveSocket, SocketState } from '../api/socket';

const WORDS: Record<SocketState['phase'], string> = {
  connecting: 'Connecting…',
  live: 'Live',
  waiting: 'Reconnecting…',
  refused: 'Disconnected',
};

/** Shows whether the page receives messages live and, if not, why and what happens next. */
export function ConnectionBadge({ socket, onReconnect }: { socket: LiveSocket; onReconnect: () => void }) {
  const { phase, detail } = useSyncExternalStore(socket.state.subscribe, socket.state.get);
  return (
    <div className="connection" data-phase={phase}>
      <span role="status" title={detail}>
        {WORDS[phase]}
        {detail && phase !== 'live' && <small>{detail}</small>}
      </span>
      {phase === 'refused' && (
        <button type="button" onClick={onReconnect}>
          Reconnect
        </button>
      )}
    </div>
  );
}
