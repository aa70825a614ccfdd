import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['__tests__/**/*.test.ts'],
    maxWorkers: 2,
    // The end-to-end tests wait for real processes; a shared machine may be slow.
    testTimeout: 120_000,
  },
});
