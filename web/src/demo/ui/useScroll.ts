import { type RefObject, useLayoutEffect, useRef } from 'react';
import type { Message } from '../api/operations';

const NEAR_PX = 80;

/**
 * Keeps the newest message in view while the user is at the end, and otherwise keeps the user's position, also when
 * messages are added above. Near the beginning it loads older messages.
 */
export function useScroll(
  messages: readonly Message[],
  draftCount: number,
  loadOlder: () => void,
): { ref: RefObject<HTMLDivElement | null>; onScroll: () => void } {
  const ref = useRef<HTMLDivElement>(null);
  const isAtEnd = useRef(true);
  const before = useRef({ firstId: '', height: 0, draftCount: 0 });
  const firstId = messages[0]?.id ?? '';

  // biome-ignore lint/correctness/useExhaustiveDependencies: every change of the messages changes the height
  useLayoutEffect(() => {
    const box = ref.current;
    if (!box) return;
    const wroteSomething = draftCount > before.current.draftCount;
    if (isAtEnd.current || wroteSomething) box.scrollTop = box.scrollHeight;
    else if (firstId !== before.current.firstId) box.scrollTop += box.scrollHeight - before.current.height;
    before.current = { firstId, height: box.scrollHeight, draftCount };
  }, [messages, draftCount, firstId]);

  function onScroll(): void {
    const box = ref.current;
    if (!box) return;
    isAtEnd.current = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_PX;
    if (box.scrollTop < NEAR_PX && !isAtEnd.current) loadOlder();
  }
  return { ref, onScroll };
}
