import { type KeyboardEvent, type SubmitEvent, useState } from 'react';

/** The input field: Enter sends, Shift+Enter starts a new line. */
export function Composer({ label, onSend }: { label: string; onSend: (text: string) => void }) {
  const [text, setText] = useState('');
  const isEmpty = text.trim() === '';

  function send(): void {
    if (isEmpty) return;
    onSend(text.trim());
    setText('');
  }

  function submit(event: SubmitEvent): void {
    event.preventDefault();
    send();
  }

  function onKeyDown(event: KeyboardEvent): void {
    if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    send();
  }

  return (
    <form className="composer" onSubmit={submit}>
      <textarea
        aria-label={label}
        placeholder={label}
        rows={1}
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={onKeyDown}
      />
      <button type="submit" className="primary" disabled={isEmpty}>
        Send
      </button>
    </form>
  );
}
