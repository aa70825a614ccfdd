/** The version that is being run. A test keeps it in step with package.json and CHANGELOG.md. */
export const VERSION = '1.0.0';
