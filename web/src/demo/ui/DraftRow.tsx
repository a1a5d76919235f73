import type { Sender } from '../live/sender';
import type { Draft } from '../model/outbox';

const WORDS: Record<Draft['state'], string> = {
  sending: 'Sending…',
  waiting: 'Not sent yet, trying again…',
  refused: 'Not sent',
};

/** An unsent message, displayed like a sent one, with its state and its problem. */
export function DraftRow({ draft, sender }: { draft: Draft; sender: Sender }) {
  return (
    <li className="message draft" data-own="true" data-state={draft.state}>
      <div className="bubble">
        <p>{draft.text}</p>
        <footer>
          <span>{WORDS[draft.state]}</span>
          {draft.problem && <span>{draft.problem}</span>}
          {draft.state === 'refused' && (
            <>
              <button type="button" onClick={() => sender.tryAgain(draft)}>
                Try again
              </button>
              <button type="button" onClick={() => sender.discard(draft)}>
                Discard
              </button>
            </>
          )}
        </footer>
      </div>
    </li>
  );
}
