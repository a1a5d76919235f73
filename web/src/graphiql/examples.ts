/** What the page opens with: a first walk through the API, in the order of the tabs. */

/** Stands in the examples until somebody logs in; then it becomes the id of a chat of theirs. */
export const CHAT_PLACEHOLDER = 'the id of one of your chats';

const WHO_AM_I = `# Log in above first. Your token is written into
# the Headers pane below, for HTTP and websocket.
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

const LIVE_FEED = `# Runs until you stop it. Send from another window
# and see it arrive; "Live events" on the left
# keeps all that came.
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
# the same clientId is the same message.
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
