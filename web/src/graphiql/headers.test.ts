import { describe, expect, it } from 'vitest';
import { bearer, withToken } from './headers';

const ours = (value: string) => value === bearer('old');
const none = () => false;

describe('the headers pane', () => {
  it('gets the token when it is empty', () => {
    expect(JSON.parse(withToken('', 'new', none))).toEqual({ Authorization: 'Bearer new' });
  });

  it('gets a newer token in place of the one that the page wrote, and keeps other headers', () => {
    const text = JSON.stringify({ 'X-Trace': '1', Authorization: 'Bearer old' });
    expect(JSON.parse(withToken(text, 'new', ours))).toEqual({ Authorization: 'Bearer new', 'X-Trace': '1' });
  });

  it('keeps an Authorization header that the user wrote', () => {
    const text = JSON.stringify({ Authorization: 'Bearer mine' });
    expect(withToken(text, 'new', ours)).toBe(text);
  });

  it('keeps unfinished text', () => {
    expect(withToken('{"X-', 'new', ours)).toBe('{"X-');
    expect(withToken('[1]', 'new', ours)).toBe('[1]');
  });

  it('loses the token on logout', () => {
    expect(withToken(JSON.stringify({ Authorization: 'Bearer old' }), null, ours)).toBe('');
  });
});
