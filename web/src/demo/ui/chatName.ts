import type { Author, Chat } from '../api/operations';

/** A group's title; a direct chat is named after the other member. */
export function chatName(chat: Chat, viewerId: string): string {
  if (chat.title) return chat.title;
  const names = others(chat, viewerId).map((user) => user.displayName);
  return names.join(', ') || 'Just you';
}

/** What the colour of its picture hangs on: a direct chat looks like the other member. */
export function chatSeed(chat: Chat, viewerId: string): string {
  return (chat.kind === 'DIRECT' && others(chat, viewerId)[0]?.id) || chat.id;
}

function others(chat: Chat, viewerId: string): Author[] {
  return chat.members.edges.map((edge) => edge.node.user).filter((user) => user.id !== viewerId);
}

/** The line below the name: how large a group is. */
export function chatSubtitle(chat: Chat): string {
  return chat.kind === 'DIRECT' ? 'Direct chat' : `${chat.memberCount} members`;
}
