import {
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { workspaceFiles } from '../../src/inputs/recipient-file.ts';
import type { FileReader } from '../../src/inputs/sources.ts';
import { ACCOUNT, account, ORGANIZATION, OTHER, OWNER } from '../builders.ts';
import {
  type Change,
  inputsOf,
  load,
  messagesIn,
  notesOf,
} from './environment.ts';

const MIB = 1024 * 1024;
const FIX_PATH =
  'Check the path, and that an earlier step checks out or writes the file.';

let root = '';
let workspace = '';

beforeAll(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'recipient-file-')));
  workspace = join(root, 'workspace');
  mkdirSync(join(workspace, 'share'), { recursive: true });
});
afterAll(() => rmSync(root, { recursive: true }));

/** An environment in which a file of the workspace is the only target. */
function withPath(path: string, more: Change = {}): Change {
  return {
    GITHUB_WORKSPACE: workspace,
    'INPUT_RECIPIENT-ACCOUNT-ID': '',
    'INPUT_RECIPIENT-ACCOUNT-FILE': path,
    ...more,
  };
}

/** Writes a file of the workspace, and uses it as the only target. */
function withFile(content: string | Uint8Array, more: Change = {}): Change {
  writeFileSync(join(workspace, 'share/list.txt'), content);
  return withPath('share/list.txt', more);
}

function idsOf(change: Change): string[] {
  return inputsOf(change).targets.map(({ id }) => id);
}

describe('a file of recipients', () => {
  it('may have every format of a list, its labels, and IDs switched off', () => {
    const text = `# Europe\n${ACCOUNT} # EMEA\n# ${account(1)}\n- ${OTHER}\n`;
    const change = withFile(`${text}${OTHER}\n`);
    expect(inputsOf(change).targets).toEqual([
      { type: 'account', id: ACCOUNT, label: 'EMEA' },
      { type: 'account', id: OTHER, label: null },
    ]);
    expect(notesOf(change)).toMatchObject({ disabledIds: 1, repeatedIds: 1 });
    expect(idsOf(withFile(`{"EMEA": "${ACCOUNT}"}`))).toEqual([ACCOUNT]);
  });

  it('may have a byte order mark and line breaks of Windows', () => {
    const text = `\ufeff${ACCOUNT}\r\n${OTHER}\r\n`;
    expect(idsOf(withFile(text))).toEqual([ACCOUNT, OTHER]);
    expect(idsOf(withFile(`\ufeff["${ACCOUNT}"]\r\n`))).toEqual([ACCOUNT]);
  });

  it('may be 4 MiB large, and not one byte more', () => {
    const text = `${ACCOUNT}\n`.padEnd(4 * MIB);
    expect(idsOf(withFile(text))).toEqual([ACCOUNT]);
    expect(messagesIn(withFile(`${text}\n`))).toEqual([
      'recipient-account-file: expected a file of at most 4 MiB, got 4.1 MiB. The largest list of IDs is smaller: check the path.',
    ]);
    expect(messagesIn(withFile(text.padEnd(5 * MIB)))[0]).toContain(
      'got 5.0 MiB',
    );
  });

  it('may be named by an absolute path, also through symbolic links', () => {
    withFile(ACCOUNT);
    const link = join(root, 'link-to-workspace');
    symlinkSync(workspace, link);
    symlinkSync('share/list.txt', join(workspace, 'inner-link'));
    symlinkSync(workspace, join(workspace, 'share/up'));
    for (const path of [
      join(workspace, 'share/list.txt'),
      join(link, 'share/list.txt'),
      'inner-link',
      'share/up/share/../inner-link',
      './share/../share/list.txt',
      ' share/list.txt ',
    ]) {
      expect(idsOf(withPath(path))).toEqual([ACCOUNT]);
      expect(idsOf(withPath(path, { GITHUB_WORKSPACE: link }))).toEqual([
        ACCOUNT,
      ]);
    }
  });

  it('is the file that the system opens, also behind a link', () => {
    mkdirSync(join(workspace, 'releases/v2'), { recursive: true });
    symlinkSync('releases/v2', join(workspace, 'current'));
    writeFileSync(join(workspace, 'accounts.txt'), OTHER);
    writeFileSync(join(workspace, 'releases/accounts.txt'), ACCOUNT);
    expect(idsOf(withPath('current/../accounts.txt'))).toEqual([ACCOUNT]);
  });

  it('may have a name that begins with two dots', () => {
    writeFileSync(join(workspace, '..list'), ACCOUNT);
    expect(idsOf(withPath('..list'))).toEqual([ACCOUNT]);
  });

  it.each([
    ['', 'an empty list'],
    ['# none\n\n # yet', 'only comments'],
  ])('without accounts is an error: %j', (text, got) => {
    for (const INPUT_STATE of ['present', 'exact']) {
      expect(messagesIn(withFile(text, { INPUT_STATE }))).toEqual([
        `recipient-account-file: expected account IDs, got ${got}. Add the ID of an account.`,
      ]);
    }
  });

  it('names the lines of wrong entries, and the owner', () => {
    expect(messagesIn(withFile(`\n${ACCOUNT}\nx\n${OWNER}`))).toEqual([
      expect.stringMatching(
        /^recipient-account-file: .* 2 problems: "x" on line 3 .*on line 4 \(the owner\)/,
      ),
    ]);
  });

  it.each([
    ['bytes of another encoding', [0xe9, 0x0a]],
    ['UTF-16', [0xff, 0xfe, 0x61, 0x00]],
    ['UTF-16 without a byte order mark', [0x61, 0x00, 0x0a, 0x00]],
    ['half a character', [0x61, 0xe2, 0x82]],
  ])('in %s is an error', (_, bytes) => {
    expect(messagesIn(withFile(Uint8Array.from(bytes)))).toEqual([
      'recipient-account-file: expected a file in UTF-8, got other bytes. Save the file as UTF-8.',
    ]);
  });
});

describe('the path of a file of recipients', () => {
  it.each(['nowhere.txt', 'share/list.txt/x', '../nowhere', '/nowhere/x'])(
    'cannot be %s, where there is nothing',
    (path) => {
      withFile(ACCOUNT);
      expect(messagesIn(withPath(path))).toEqual([
        `recipient-account-file: expected a file in the workspace, got "${path}" (which does not exist). ${FIX_PATH}`,
      ]);
    },
  );

  it.each(['share', '.', './share/..'])('cannot be the folder %s', (path) => {
    expect(messagesIn(withPath(path))).toEqual([
      `recipient-account-file: expected a file, got "${path}" (a folder). Set the path of the file itself.`,
    ]);
  });

  it('cannot be a link that leads to itself', () => {
    symlinkSync('loop', join(workspace, 'loop'));
    expect(messagesIn(withPath('loop'))).toEqual([
      'recipient-account-file: expected a file in the workspace, got "loop" (ELOOP). Correct its symbolic link, which leads to itself.',
    ]);
  });

  it('cannot be a list', () => {
    const [message] = messagesIn(withPath(`${ACCOUNT}\n`.repeat(9)));
    expect(message).toContain(
      '(ENAMETOOLONG). This is no path: pass a list of IDs as `recipient-account-id`.',
    );
  });

  it('cannot be an ID, or several', () => {
    const [message] = messagesIn(withPath(`${ACCOUNT}, ${ACCOUNT}`));
    expect(message).toContain('This is no path');
    const [named] = messagesIn(withPath(`shares/${ACCOUNT}.txt`));
    expect(named).toContain(FIX_PATH);
    expect(messagesIn(withPath(ACCOUNT))).toEqual([
      `recipient-account-file: expected a file in the workspace, got "${ACCOUNT}" (which does not exist). This is no path: pass a list of IDs as \`recipient-account-id\`.`,
    ]);
  });

  it('cannot be outside of the workspace, also by symbolic links', () => {
    writeFileSync(join(root, 'secret.txt'), ACCOUNT);
    mkdirSync(join(root, 'workspace2'), { recursive: true });
    writeFileSync(join(root, 'workspace2/list.txt'), ACCOUNT);
    symlinkSync(join(root, 'secret.txt'), join(workspace, 'file-link'));
    symlinkSync(root, join(workspace, 'folder-link'));
    for (const path of [
      '../secret.txt',
      '../workspace2/list.txt',
      join(root, 'secret.txt'),
      'file-link',
      'folder-link/secret.txt',
      'share/../../secret.txt',
      '..',
      '/dev/null',
    ]) {
      expect(messagesIn(withPath(path))).toEqual([
        `recipient-account-file: expected a file in the workspace, got "${path}" (outside of it). Copy the file itself into the workspace.`,
      ]);
    }
  });

  it('requires a workspace', () => {
    const FIX =
      'Run the action in a job of GitHub Actions, or set the variable.';
    const EXPECTED =
      'recipient-account-file: expected the variable GITHUB_WORKSPACE with a folder, got';
    const path = join(workspace, 'share/list.txt');
    for (const GITHUB_WORKSPACE of [undefined, '']) {
      expect(messagesIn(withPath(path, { GITHUB_WORKSPACE }))).toEqual([
        `${EXPECTED} nothing. ${FIX}`,
      ]);
    }
    const GITHUB_WORKSPACE = join(root, 'nowhere');
    expect(messagesIn(withPath(path, { GITHUB_WORKSPACE }))).toEqual([
      `${EXPECTED} another path (ENOENT). ${FIX}`,
    ]);
  });

  it.each<[string, Change, string]>([
    [
      'a list',
      { 'INPUT_RECIPIENT-ACCOUNT-ID': OTHER },
      'recipient-account-file: expected one kind of target, got `recipient-account-id` and `recipient-account-file`. Keep only one of them.',
    ],
    [
      'an organization',
      { 'INPUT_ORGANIZATION-ID': ORGANIZATION },
      'organization-id: expected one kind of target, got `recipient-account-file` and `organization-id`. Keep only one of them.',
    ],
  ])('cannot be set together with %s', (_, more, message) => {
    expect(messagesIn(withFile(ACCOUNT, more))).toEqual([message]);
  });
});

describe('what is read of a file', () => {
  /** A file that does not exist on this machine. */
  const files: FileReader = {
    realPath: (path) => path,
    status: () => ({ type: 'file', size: ACCOUNT.length }),
    read: () => Buffer.from(ACCOUNT),
  };
  const change = withPath('list.txt', { GITHUB_WORKSPACE: '/w' });
  const failsOn = (name: string, code: string) => (path: string) => {
    if (!path.endsWith(name)) return path;
    throw Object.assign(new Error('failed'), { code });
  };

  it('comes from the reader', () => {
    expect(load(change, files)).toMatchObject({ type: 'valid' });
  });

  it('is nothing of a device or a pipe, which could have no end', () => {
    const status = () => ({ type: 'other', size: 0 }) as const;
    const read = () => {
      throw new Error('must not be read');
    };
    expect(load(change, { ...files, status, read })).toMatchObject({
      errors: [{ message: expect.stringContaining('not a regular file') }],
    });
  });

  it.each(['realPath', 'status', 'read'])(
    'is an error with its code where %s fails',
    (name) => {
      const reader = { ...files, [name]: failsOn('list.txt', 'EIO') };
      expect(load(change, reader)).toMatchObject({
        errors: [
          {
            input: 'recipient-account-file',
            message:
              'expected a file in the workspace, got "list.txt" (EIO). Check the permissions of the file.',
          },
        ],
      });
    },
  );

  it('is of the file system by default', () => {
    expect(workspaceFiles.status('/dev/null').type).toBe('other');
  });
});
