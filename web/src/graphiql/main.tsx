import 'graphiql/setup-workers/vite';
import 'graphiql/style.css';
import './page.css';
import { GraphiQL, HISTORY_PLUGIN } from 'graphiql';
import { StrictMode } from 'react';
import { createPortal } from 'react-dom';
import { createRoot } from 'react-dom/client';
import { Session } from '../shared/session';
import { EXAMPLES } from './examples';
import { createFetcher } from './fetcher';
import { liveEventsPlugin } from './LiveEvents';
import { LoginBox } from './LoginBox';
import { SocketBadge } from './SocketBadge';
import { ExplorerSocket } from './socket';

const session = new Session('parlor.graphiql');
const socket = new ExplorerSocket();
const fetcher = createFetcher(socket);
const plugins = [HISTORY_PLUGIN, liveEventsPlugin(socket)];

function element(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (!found) throw new Error(`The page has no element #${id}.`);
  return found;
}

/** The bar above GraphiQL. It is inside GraphiQL's provider, because the login box writes into the headers pane. */
function Bar() {
  return createPortal(
    <>
      <h1>
        Parlor <small>GraphiQL</small>
      </h1>
      <SocketBadge socket={socket} />
      <a href="/demo/">Demo chat</a>
      <LoginBox session={session} />
    </>,
    element('bar'),
  );
}

createRoot(element('page')).render(
  <StrictMode>
    <GraphiQL
      fetcher={fetcher}
      plugins={plugins}
      defaultTabs={EXAMPLES}
      defaultEditorToolsVisibility="headers"
      shouldPersistHeaders={false}
    >
      <GraphiQL.Logo>{null}</GraphiQL.Logo>
      <Bar />
    </GraphiQL>
  </StrictMode>,
);
