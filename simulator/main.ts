/**
 * `node simulator/main.ts --port 0 --scenario NAME`: serves a scenario's API
 * until a signal, then prints what it saw.
 */
import { parseArgs } from 'node:util';
import { createSharesApi } from './api.ts';
import { findScenario, scenarios } from './scenarios.ts';
import { requestsAsJson, startServer } from './server.ts';

function readArguments(): { port: number; scenario: string } {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '0' },
      scenario: { type: 'string', default: 'associate' },
    },
  });
  const port = Number(values.port);
  if (!/^\d{1,5}$/.test(values.port) || port > 65_535)
    throw new Error(`--port ${values.port}: not a port`);
  return { port, scenario: values.scenario };
}

try {
  const { port, scenario: name } = readArguments();
  const scenario = findScenario(name);
  if (!scenario)
    throw new Error(
      `--scenario ${name}: not one of ${Object.keys(scenarios).join(', ')}`,
    );
  const api = createSharesApi({ ...scenario.api, now: Date.now });
  const server = await startServer(api, { port });
  console.log(`listening on ${server.url}`);
  const stop = async (): Promise<void> => {
    console.log(requestsAsJson(api));
    await server.close();
  };
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, stop);
} catch (error) {
  console.error(error instanceof Error ? error.message.split('\n')[0] : error);
  process.exitCode = 2;
}
