import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    // Only ends a test that hangs: with forty processes on two cores, the
    // end-to-end tests of 1,000 accounts took longer than two minutes.
    testTimeout: 600_000,
    projects: [
      {
        extends: true,
        test: {
          // These mostly wait, so there are more of them than cores.
          name: 'e2e',
          include: ['__tests__/e2e/**/*.test.ts'],
          maxWorkers: 10,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          // These compute, above all the search of the model, so they do not
          // run beside processes whose time is limited. They share what they
          // import, which is most of their time.
          name: 'other',
          include: ['__tests__/**/*.test.ts'],
          exclude: ['__tests__/e2e/**'],
          isolate: false,
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
