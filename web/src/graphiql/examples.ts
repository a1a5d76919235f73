/** The example tabs that the page opens with, in order. */

/** A placeholder in the examples' variables. After the login it is replaced by the id of one of the user's chats. */
export const CHAT_PLACEHOLDER = 'the id of one of your chats';

const WHO_AM_I = `# Log in above first. The page writes your token into
# the Headers pane below, for HTTP and the websocket.
query WhoAmI {
  viewer {
    user {
      id
      username
      displayName
    }
  }
}
`;

const MY_CHATS = `# Your chats, with the newest message of each.
query MyChats {
  chats(first: 10) {
    edges {
      node {
        id
        kind
        title
        lastSeq
        lastMessage {
          text
          createdAt
          sender {
            displayName
          }
        }
      }
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}
`;

const LIVE_FEED = `# Runs until you stop it. Send a message from another
# window and see it arrive; "Live events" on the left
# lists all events.
subscription LiveFeed($chatId: ID!) {
  chatFeed(chatId: $chatId) {
    __typename
    ... on FeedReady {
      seq
    }
    ... on MessagePosted {
      seq
      message {
        id
        text
        sender {
          displayName
        }
      }
    }
    ... on MessageEdited {
      seq
      message {
        id
        text
      }
    }
    ... on MessageDeleted {
      seq
      messageId
    }
  }
}
`;

const SEND_MESSAGE = `# With a clientId, sending again is safe:
# the same clientId means the same message.
mutation SendMessage($input: SendMessageInput!) {
  sendMessage(input: $input) {
    id
    seq
    text
    createdAt
  }
}
`;

const asJson = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

export const EXAMPLES = [
  { query: WHO_AM_I },
  { query: MY_CHATS },
  {
    query: SEND_MESSAGE,
    variables: asJson({ input: { chatId: CHAT_PLACEHOLDER, text: 'Hello from GraphiQL' } }),
  },
  { query: LIVE_FEED, variables: asJson({ chatId: CHAT_PLACEHOLDER }) },
];
