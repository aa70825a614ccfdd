/**
 * Shows the raw output of a step as a person sees it on GitHub: the log, and
 * the titles of annotations.
 */

const LABELS: Record<string, string> = {
  error: 'Error: ',
  warning: 'Warning: ',
  notice: 'Notice: ',
};

/**
 * The runner escapes the same characters in a message, and two more in a title.
 */
function decode(text: string): string {
  const escaped = text.replaceAll('%3A', ':').replaceAll('%2C', ',');
  return escaped
    .replaceAll('%0D', '\r')
    .replaceAll('%0A', '\n')
    .replaceAll('%25', '%');
}

/**
 * Creates a view that takes one raw line at a time and returns the lines to
 * show: none for a command that shows nothing. A mask applies to the lines
 * after it; debug lines appear only with `showDebug`.
 */
export function createStepLog({
  showDebug = false,
} = {}): (line: string) => string[] {
  const masks = new Set<string>();
  let resumeToken: string | undefined;

  function masked(text: string): string[] {
    const longestFirst = [...masks].sort((a, b) => b.length - a.length);
    return longestFirst
      .reduce((shown, secret) => shown.replaceAll(secret, '***'), text)
      .split('\n');
  }

  return (line) => {
    const [, command, properties = '', rest = ''] =
      /^\s*::([\w-]+)(?: (.*?))?::(.*)$/.exec(line) ?? [];
    if (resumeToken !== undefined) {
      if (line.trim() === `::${resumeToken}::`) resumeToken = undefined;
      return masked(line);
    }
    const message = decode(rest);
    switch (command) {
      case undefined:
        return masked(line);
      case 'add-mask':
        for (const part of message.split(/[\r\n]+/))
          if (part !== '') masks.add(part);
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
      case 'notice': {
        const title = /(?:^|,)title=([^,]*)/.exec(properties)?.[1];
        return masked(
          title
            ? `${LABELS[command]}${decode(title)}\n${message.replaceAll(/^/gm, '  ')}`
            : `${LABELS[command]}${message}`,
        );
      }
      default:
        return [];
    }
  };
}
