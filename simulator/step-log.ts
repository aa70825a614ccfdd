/** Shows a step's raw output the way a person sees it in GitHub's log. */

const LABELS: Record<string, string> = { error: 'Error: ', warning: 'Warning: ', notice: 'Notice: ' };

function decode(text: string): string {
  return text.replaceAll('%0D', '\r').replaceAll('%0A', '\n').replaceAll('%25', '%');
}

/**
 * A view that takes one raw line at a time and gives the lines to show, none for a command that shows nothing.
 * Masks hold from the moment they are added; debug lines appear only with `showDebug`.
 */
export function createStepLog({ showDebug = false } = {}): (line: string) => string[] {
  const masks = new Set<string>();
  let resumeToken: string | undefined;

  function masked(text: string): string[] {
    const longestFirst = [...masks].sort((a, b) => b.length - a.length);
    return longestFirst.reduce((shown, secret) => shown.replaceAll(secret, '***'), text).split('\n');
  }

  return (line) => {
    const [, command, rest = ''] = /^\s*::([\w-]+)(?: .*?)?::(.*)$/.exec(line) ?? [];
    if (resumeToken !== undefined) {
      if (line.trim() === `::${resumeToken}::`) resumeToken = undefined;
      return masked(line);
    }
    const message = decode(rest);
    switch (command) {
      case undefined:
        return masked(line);
      case 'add-mask':
        for (const part of message.split(/[\r\n]+/)) if (part !== '') masks.add(part);
        return [];
      case 'stop-commands':
        resumeToken = message;
        return [];
      case 'group':
        return masked(`▼ ${message}`);
      case 'debug':
        return showDebug ? masked(`##[debug]${message}`) : [];
      case 'error':
      case 'warning':
      case 'notice':
        return masked(`${LABELS[command]}${message}`);
      default:
        return [];
    }
  };
}
