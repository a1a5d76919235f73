import type { Author, Chat } from '../api/operations';

/** The name of a chat: a group's title, or the other member of a direct chat. */
export function chatName(chat: Chat, viewerId: string): string {
  if (chat.title) return chat.title;
  const names = others(chat, viewerId).map((user) => user.displayName);
  return names.join(', ') || 'Just you';
}

/** The seed of a chat's avatar colour: a direct chat has the colour of the other member. */
export function chatSeed(chat: Chat, viewerId: string): string {
  return (chat.kind === 'DIRECT' && others(chat, viewerId)[0]?.id) || chat.id;
}

function others(chat: Chat, viewerId: string): Author[] {
  return chat.members.edges.map((edge) => edge.node.user).filter((user) => user.id !== viewerId);
}

/** The line below the name: the kind of a direct chat, or the size of a group. */
export function chatSubtitle(chat: Chat): string {
  return chat.kind === 'DIRECT' ? 'Direct chat' : `${chat.memberCount} members`;
}
