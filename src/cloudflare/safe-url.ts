/**
 * May a secret be sent there? Only over https, or over http to the machine
 * itself.
 */
export function isSafeUrl({ protocol, hostname }: URL): boolean {
  const isLoopback = /^(localhost|\[::1\]|127(\.\d{1,3}){3})$/.test(hostname);

  return protocol === 'https:' || (protocol === 'http:' && isLoopback);
}
