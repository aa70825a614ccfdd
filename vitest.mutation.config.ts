import { defineConfig } from 'vitest/config';

/**
 * The tests of the modules that `npm run mutation` breaks: without processes,
 * servers and waits.
 */
export default defineConfig({
  test: {
    isolate: false,
    // A test that is slow on a busy machine would count as a killed mutant.
    testTimeout: 600_000,
    include: [
      '__tests__/inputs/**/*.test.ts',
      '__tests__/cloudflare/{api-error,response-text}.test.ts',
      '__tests__/cloudflare/{body-reader,records,recipient-pages,share}.test.ts',
      '__tests__/reconcile/**/*.test.ts',
      '__tests__/{main,scripted-run,scripted-records}.test.ts',
      '__tests__/report/{sanitizer,secrets}.test.ts',
    ],
  },
});
