import { useSyncExternalStore } from 'react';
import type { ExplorerSocket, SocketState } from './socket';

const WORDS: Record<SocketState['phase'], string> = {
  idle: 'No live operation',
  connecting: 'Connecting…',
  open: 'Live',
  closed: 'Closed',
};

/** Shows the websocket's state and, if the server closed it, the reason. */
export function SocketBadge({ socket }: { socket: ExplorerSocket }) {
  const state = useSyncExternalStore(socket.state.subscribe, socket.state.get);
  return (
    <span className="socket" data-phase={state.phase} role="status">
      {state.detail ? `${WORDS[state.phase]}: ${state.detail}` : WORDS[state.phase]}
    </span>
  );
}
