import { useSyncExternalStore } from 'react';
import { Value } from '../../shared/value';
import { type Action, initialState, reduce, type State } from './state';

/** Holds the page's state and changes it. Feeds and sends read the current state, not the last rendered one. */
export class Store {
  readonly #state: Value<State>;

  constructor(viewerId: string) {
    this.#state = new Value(initialState(viewerId));
  }

  readonly get = (): State => this.#state.get();
  readonly subscribe = (listener: () => void): (() => void) => this.#state.subscribe(listener);
  readonly dispatch = (action: Action): void => this.#state.set(reduce(this.#state.get(), action));
}

export function useStore<T>(store: Store, select: (state: State) => T): T {
  return useSyncExternalStore(store.subscribe, () => select(store.get()));
}
