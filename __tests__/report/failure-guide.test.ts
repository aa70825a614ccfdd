import { describe, expect, it } from 'vitest';
import {
  FIXES,
  helpUrl,
  slug,
  TITLES,
} from '../../src/report/failure-guide.ts';

describe('the failure guide', () => {
  it.each(Object.entries(TITLES))(
    '%s has a short title and a fix',
    (cause, title) => {
      expect(title).toMatch(/^[A-Z]/);
      expect(title.split(' ').length).toBeLessThanOrEqual(6);
      expect(FIXES[cause as keyof typeof TITLES]).toMatch(/^[A-Z].*\.$/);
    },
  );

  it('has a fix for each title only, and no two titles alike', () => {
    expect(Object.keys(FIXES).sort()).toEqual(Object.keys(TITLES).sort());
    expect(new Set(Object.values(TITLES).map(slug)).size).toBe(
      Object.keys(TITLES).length,
    );
  });

  it('links to a section of the documentation, where its address is known', () => {
    expect(helpUrl('inputs', 'https://github.com/o/r/blob/v1/docs')).toBe(
      'https://github.com/o/r/blob/v1/docs/troubleshooting.md#invalid-inputs-no-request-was-sent',
    );
    expect(helpUrl('inputs', null)).toBeNull();
  });

  it.each([
    ['Timed out', 'timed-out'],
    ['Cloudflare API error', 'cloudflare-api-error'],
    ['A: b, `c` & d-e_f', 'a-b-c--d-e_f'],
  ])('has the anchor that GitHub gives to %j', (heading, anchor) => {
    expect(slug(heading)).toBe(anchor);
  });
});
