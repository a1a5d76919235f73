"""Documents that ask for every field there is."""

FIELDS = """
fragment UserFields on User { __typename id username displayName avatarUrl isBot }
fragment MessageFields on Message {
  __typename id seq kind clientId text createdAt editedAt deletedAt
  sender { ...UserFields }
  chat { id lastSeq title memberCount }
  replyTo { id text sender { ...UserFields } replyTo { id } }
}
fragment MemberFields on Membership { role joinedAt lastReadSeq lastDeliveredSeq user { ...UserFields } }
fragment PageFields on PageInfo { hasNextPage hasPreviousPage startCursor endCursor }
fragment ChatFields on Chat {
  __typename id kind title avatarUrl createdAt lastSeq memberCount
  createdBy { ...UserFields }
  lastMessage { ...MessageFields }
  viewerMembership { role lastReadSeq unreadCount mutedUntil isPinned isArchived }
  messages(first: $messages) { edges { cursor node { ...MessageFields } } pageInfo { ...PageFields } }
  members(first: $members) { edges { cursor node { ...MemberFields } } pageInfo { ...PageFields } }
}
"""
CHATS = (
    """query ($chats: Int!, $messages: Int!, $members: Int!) {
  chats(first: $chats) { edges { cursor node { ...ChatFields } } pageInfo { ...PageFields } }
}"""
    + FIELDS
)
CHAT = (
    """query ($id: ID!, $messages: Int!, $members: Int!) {
  chat(id: $id) { ...ChatFields }
}"""
    + FIELDS
)
NODES = (
    """query ($ids: [ID!]!, $messages: Int!, $members: Int!) {
  nodes(ids: $ids) { ... on User { ...UserFields } ... on Message { ...PostFields } ... on Chat { ...ChatFields } }
}
fragment PostFields on Message {
  post: kind text
  sender { ...UserFields }
  chat { id memberCount }
  replyTo { id text sender { ...UserFields } }
}"""
    + FIELDS
)
