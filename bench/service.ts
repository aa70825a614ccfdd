/** Starts the simulator in a process of its own, so that what is measured does not share a thread with it. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Seen, ServiceOptions, ServiceStarted } from './service-process.ts';

export interface Service extends ServiceStarted {
  /** What it has seen since it was asked last. */
  seen(): Promise<Seen>;
  stop(): Promise<void>;
}

export async function startService(options: ServiceOptions): Promise<Service> {
  const child: ChildProcess = fork(
    fileURLToPath(new URL('service-process.ts', import.meta.url)),
    [JSON.stringify(options)],
    { stdio: 'inherit' },
  );
  const ended = once(child, 'exit');
  const failed = ended.then(() => Promise.reject(new Error('the simulator ended')));
  failed.catch(() => {});
  async function answer<T>(): Promise<T> {
    const message = new Promise<T>((resolve) => child.once('message', (data) => resolve(data as T)));
    return Promise.race([message, failed]);
  }
  const started = await answer<ServiceStarted>();
  return {
    ...started,
    seen() {
      child.send('seen');
      return answer<Seen>();
    },
    async stop() {
      child.disconnect();
      await ended;
    },
  };
}
