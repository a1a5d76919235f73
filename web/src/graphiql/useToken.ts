import { useGraphiQL } from '@graphiql/react';
import { useEffect, useRef } from 'react';
import { ask } from '../shared/request';
import type { Session, Tokens } from '../shared/session';
import { CHAT_PLACEHOLDER } from './examples';
import { bearer, withToken } from './headers';

const FIRST_CHAT = '{ chats(first: 1) { edges { node { id } } } }';
interface FirstChat {
  chats: { edges: { node: { id: string } }[] };
}

/** Keeps the session's token in the headers pane of the open tab, and refreshes the token in time. */
export function useToken(session: Session, tokens: Tokens | null): void {
  const { headerEditor, activeTabIndex, tabCount } = useGraphiQL((state) => ({
    headerEditor: state.headerEditor,
    activeTabIndex: state.activeTabIndex,
    tabCount: state.tabs.length,
  }));
  const written = useRef(new Set<string>());
  const token = tokens?.accessToken ?? null;

  // biome-ignore lint/correctness/useExhaustiveDependencies: another tab shows another text in the same pane
  useEffect(() => {
    if (!headerEditor) return;
    const text = headerEditor.getValue();
    const next = withToken(text, token, (value) => written.current.has(value));
    if (token) written.current.add(bearer(token));
    if (next !== text) headerEditor.setValue(next);
  }, [headerEditor, activeTabIndex, tabCount, token]);

  useEffect(() => {
    if (!token) return;
    const timer = setTimeout(
      () => void session.freshToken().catch(() => undefined),
      Math.max(0, session.freshForMs),
    );
    return () => clearTimeout(timer);
  }, [session, token]);
}

/** Replaces the placeholder in the examples with the id of one of the user's chats. */
export function useExampleChat(tokens: Tokens | null): void {
  const { variableEditor, activeTabIndex } = useGraphiQL((state) => ({
    variableEditor: state.variableEditor,
    activeTabIndex: state.activeTabIndex,
  }));
  const token = tokens?.accessToken;

  // biome-ignore lint/correctness/useExhaustiveDependencies: another tab shows another text in the same pane
  useEffect(() => {
    if (!variableEditor || !token || !variableEditor.getValue().includes(CHAT_PLACEHOLDER)) return;
    ask<FirstChat>({ query: FIRST_CHAT }, { authorization: bearer(token) })
      .then(({ chats }) => {
        const id = chats.edges[0]?.node.id;
        const text = variableEditor.getValue();
        if (id && text.includes(CHAT_PLACEHOLDER))
          variableEditor.setValue(text.replace(CHAT_PLACEHOLDER, id));
      })
      .catch(() => undefined); // The placeholder stays; it says what belongs there.
  }, [variableEditor, activeTabIndex, token]);
}
