import './styles/page.css';
import './styles/list.css';
import './styles/conversation.css';
import { ApolloProvider } from '@apollo/client/react';
import { StrictMode, useState, useSyncExternalStore } from 'react';
import { createRoot } from 'react-dom/client';
import { type Person, Session } from '../shared/session';
import { Login } from './ui/Login';
import { Messenger } from './ui/Messenger';
import { openPage, PageContext } from './ui/page';

const session = new Session('parlor.demo');

function App() {
  const tokens = useSyncExternalStore(session.subscribe, session.current);
  return tokens ? <LoggedIn key={tokens.user.id} viewer={tokens.user} /> : <Login session={session} />;
}

function LoggedIn({ viewer }: { viewer: Person }) {
  const [page] = useState(() => openPage(session, viewer.id));
  return (
    <PageContext value={page}>
      <ApolloProvider client={page.apollo}>
        <Messenger session={session} viewer={viewer} />
      </ApolloProvider>
    </PageContext>
  );
}

const root = document.getElementById('page');
if (!root) throw new Error('The page has no element #page.');
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
