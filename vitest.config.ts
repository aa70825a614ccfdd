import { defineConfig } from 'vitest/config';

const WAITING = '__tests__/e2e/**/*.test.ts';

export default defineConfig({
  test: {
    // The end-to-end tests wait for real processes; a shared machine may be slow.
    testTimeout: 120_000,
    projects: [
      {
        extends: true,
        test: {
          // These mostly wait, so there are more of them than cores.
          name: 'e2e',
          include: [WAITING],
          maxWorkers: 6,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          // These compute, above all the search of the model, so they do not
          // run beside processes whose time is limited.
          name: 'other',
          include: ['__tests__/**/*.test.ts'],
          exclude: [WAITING],
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
