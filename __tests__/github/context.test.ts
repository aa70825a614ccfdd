import { describe, expect, it } from 'vitest';
import { readGitHubContext, VERSION } from '../../src/github/context.ts';

describe('what the runner says of the run', () => {
  it('is read from its variables', () => {
    const env = {
      GITHUB_EVENT_NAME: 'workflow_dispatch',
      GITHUB_ACTOR: 'octocat',
      GITHUB_REPOSITORY: 'octo/policies',
      GITHUB_SHA: 'c0ffee',
      GITHUB_REF: 'refs/heads/main',
      GITHUB_REF_NAME: 'main',
      GITHUB_RUN_ID: '42',
      GITHUB_SERVER_URL: 'https://github.example.com',
      GITHUB_API_URL: 'https://github.example.com/api/v3',
      GITHUB_STEP_SUMMARY: '/tmp/summary',
      GITHUB_ACTION_REPOSITORY: 'octo/share-recipient',
      GITHUB_ACTION_REF: 'releases/v1',
    };
    expect(readGitHubContext(env)).toEqual({
      event: 'workflow_dispatch',
      actor: 'octocat',
      owner: 'octo',
      repo: 'policies',
      ref: 'c0ffee',
      runUrl: 'https://github.example.com/octo/policies/actions/runs/42',
      apiUrl: 'https://github.example.com/api/v3',
      hasSummary: true,
      docsUrl: null,
      userAgent: `cloudflare-share-recipient/${VERSION} (octo/policies; run 42)`,
    });
  });

  it('is empty outside of a workflow', () => {
    expect(readGitHubContext({})).toEqual({
      event: '',
      actor: '',
      owner: '',
      repo: '',
      ref: '',
      runUrl: 'https://github.com///actions/runs/',
      apiUrl: 'https://api.github.com',
      hasSummary: false,
      docsUrl: null,
      userAgent: `cloudflare-share-recipient/${VERSION}`,
    });
  });

  it('names the tag of a release, and the branch where there is no commit', () => {
    const env = {
      GITHUB_EVENT_NAME: 'release',
      GITHUB_REF_NAME: 'v1.2.0',
      GITHUB_REF: 'refs/tags/v1.2.0',
    };
    expect(readGitHubContext(env)).toMatchObject({
      event: 'release v1.2.0',
      ref: 'refs/tags/v1.2.0',
    });
  });

  it('fits into a header, whatever it is', () => {
    const env = {
      GITHUB_REPOSITORY: 'o/r\r\nx: (ü)',
      GITHUB_RUN_ID: '9'.repeat(200),
    };
    expect(readGitHubContext(env).userAgent).toBe(
      `cloudflare-share-recipient/${VERSION} (o/rx ; run ${'9'.repeat(136)})`,
    );
  });

  const documented = (server: string, repository: string, ref: string) =>
    readGitHubContext({
      GITHUB_SERVER_URL: server,
      GITHUB_ACTION_REPOSITORY: repository,
      GITHUB_ACTION_REF: ref,
    }).docsUrl;

  it.each([
    ['a checked out action has no repository', '', '', ''],
    ['a repository that is none', '', 'x', 'v1'],
    ['a reference that would be markup', '', 'o/r', 'v1"><b>'],
    [
      'a server that may have taken the action from github.com',
      'https://github.example.com',
      'o/r',
      'v1',
    ],
  ])(
    'has no link to the documentation where it cannot be built: %s',
    (_, server, repository, ref) => {
      expect(documented(server, repository, ref)).toBeNull();
    },
  );

  it.each(['', 'https://github.com'])(
    'has the address of the documentation of an action from github.com: %j',
    (server) => {
      expect(documented(server, 'octo/share-recipient', 'releases/v1')).toBe(
        'https://github.com/octo/share-recipient/blob/releases/v1/docs',
      );
    },
  );
});
