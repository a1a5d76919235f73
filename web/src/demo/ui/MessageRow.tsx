import { memo } from 'react';
import type { Message } from '../api/operations';
import { Avatar } from './Avatar';
import { clock, day, isSameDay } from './times';

interface Props {
  message: Message;
  before: Message | undefined;
  isOwn: boolean;
  isDirect: boolean;
}

/** One message. The sender and the day are shown only where they differ from the previous message. */
export const MessageRow = memo(function MessageRow({ message, before, isOwn, isDirect }: Props) {
  const isNewDay = !before || !isSameDay(before.createdAt, message.createdAt);
  const isNewSender = isNewDay || before.sender?.id !== message.sender?.id;
  const name = message.sender?.displayName ?? 'Deleted account';
  return (
    <>
      {isNewDay && (
        <li className="day">
          <time dateTime={message.createdAt}>{day(message.createdAt)}</time>
        </li>
      )}
      <li className="message" data-own={isOwn} data-first={isNewSender} data-deleted={!!message.deletedAt}>
        {!isOwn && isNewSender && <Avatar name={name} seed={message.sender?.id ?? ''} />}
        <div className="bubble">
          {isNewSender && !isDirect && !isOwn ? (
            <strong>{name}</strong>
          ) : (
            <span className="spoken">{isOwn ? 'You' : name}: </span>
          )}
          <p>{message.deletedAt ? 'Message deleted' : message.text}</p>
          <footer>
            {message.editedAt && !message.deletedAt && <span>edited</span>}
            <time dateTime={message.createdAt}>{clock(message.createdAt)}</time>
          </footer>
        </div>
      </li>
    </>
  );
});
