import type { Chat } from '../api/operations';

/** A group's title; a direct chat is named after the other member. */
export function chatName(chat: Chat, viewerId: string): string {
  if (chat.title) return chat.title;
  const others = chat.members.edges.map((edge) => edge.node.user).filter((user) => user.id !== viewerId);
  return others.map((user) => user.displayName).join(', ') || 'Just you';
}

/** The line below the name: how large a group is. */
export function chatSubtitle(chat: Chat): string {
  return chat.kind === 'DIRECT' ? 'Direct chat' : `${chat.memberCount} members`;
}
