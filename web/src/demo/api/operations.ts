import { gql, type TypedDocumentNode } from '@apollo/client';

/** All GraphQL operations of the demo page, with the types of their results. */

export interface Author {
  id: string;
  displayName: string;
}

export interface Message {
  id: string;
  seq: number;
  clientId: string | null;
  sender: Author | null;
  text: string;
  createdAt: string;
  editedAt: string | null;
  deletedAt: string | null;
}

export interface Chat {
  id: string;
  kind: 'DIRECT' | 'GROUP';
  title: string | null;
  lastSeq: number;
  memberCount: number;
  lastMessage: Message | null;
  members: { edges: { node: { user: Author } }[] };
}

export interface MessagePage {
  edges: { node: Message }[];
  pageInfo: { hasPreviousPage: boolean; startCursor: string | null };
}

export type FeedEvent =
  | { __typename: 'FeedReady'; seq: number; replayed: number }
  | { __typename: 'FeedReset'; seq: number; reason: string }
  | { __typename: 'MessagePosted'; seq: number; message: Message }
  | { __typename: 'MessageEdited'; seq: number; message: Message }
  | { __typename: 'MessageDeleted'; seq: number; at: string; messageId: string }
  /** Any other event: a durable event has a seq, an ephemeral one (typing, read markers) has none. */
  | { __typename: 'Other'; seq?: number };

const MESSAGE = gql`
  fragment MessageParts on Message {
    id
    seq
    clientId
    sender {
      id
      displayName
    }
    text
    createdAt
    editedAt
    deletedAt
  }
`;

export const HOME: TypedDocumentNode<{ chats: { edges: { node: Chat }[] } }, Record<string, never>> = gql`
  query Home {
    chats(first: 50) {
      edges {
        node {
          id
          kind
          title
          lastSeq
          memberCount
          lastMessage {
            ...MessageParts
          }
          members(first: 5) {
            edges {
              node {
                user {
                  id
                  displayName
                }
              }
            }
          }
        }
      }
    }
  }
  ${MESSAGE}
`;

export const CHAT_PAGE: TypedDocumentNode<
  { chat: { id: string; lastSeq: number; messages: MessagePage } | null },
  { chatId: string; before: string | null }
> = gql`
  query ChatPage($chatId: ID!, $before: String) {
    chat(id: $chatId) {
      id
      lastSeq
      messages(last: 30, before: $before) {
        edges {
          node {
            ...MessageParts
          }
        }
        pageInfo {
          hasPreviousPage
          startCursor
        }
      }
    }
  }
  ${MESSAGE}
`;

export const SEND_MESSAGE: TypedDocumentNode<
  { sendMessage: Message },
  { input: { chatId: string; text: string; clientId: string } }
> = gql`
  mutation SendMessage($input: SendMessageInput!) {
    sendMessage(input: $input) {
      ...MessageParts
    }
  }
  ${MESSAGE}
`;

export const CHAT_FEED: TypedDocumentNode<{ chatFeed: FeedEvent }, { chatId: string; since: number }> = gql`
  subscription ChatFeed($chatId: ID!, $since: Int) {
    chatFeed(chatId: $chatId, since: $since) {
      __typename
      ... on FeedReady {
        seq
        replayed
      }
      ... on FeedReset {
        seq
        reason
      }
      ... on ChatEvent {
        seq
      }
      ... on MessagePosted {
        message {
          ...MessageParts
        }
      }
      ... on MessageEdited {
        message {
          ...MessageParts
        }
      }
      ... on MessageDeleted {
        at
        messageId
      }
    }
  }
  ${MESSAGE}
`;
