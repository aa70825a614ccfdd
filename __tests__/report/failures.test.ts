import { describe, expect, it } from 'vitest';
import { refusedBecause } from '../../src/reconcile/reasons.ts';
import type { TargetState } from '../../src/reconcile/target-state.ts';
import {
  annotatedGroups,
  failureIn,
  groupFailures,
} from '../../src/report/failures.ts';
import { account, resourceError } from '../builders.ts';
import { expectSentences } from '../sentences.ts';
import {
  added,
  failed,
  failureOf,
  type RunCase,
  range,
  recordOf,
  requestFailure,
  resourceFailure,
  resultOf,
  stateOf,
  unchanged,
  WAIT,
} from './results.ts';

const unlisted = { isUnlisted: true, status: 'associated' } as const;
const stopped = failureOf('stopped', 'not attempted');
const timeout: RunCase = { outcome: { ending: { type: 'timeout' } } };

/** The groups of a run in their order, each with how many targets it has. */
function groupsOf(states: readonly TargetState[], run?: RunCase): string {
  const result = resultOf(states, run);
  const groups = groupFailures(result);
  const annotated = annotatedGroups(groups, result);
  return groups
    .map((group) => {
      const { failure, reason } = group;
      const mark = annotated.includes(group) ? ', annotated' : '';
      return `${group.states.length} ${failure.cause}${mark}: ${reason}`;
    })
    .join('\n');
}

/** Reviews the groups of each of these runs. */
const expectGroups = (
  file: string,
  runs: Record<string, Parameters<typeof groupsOf>>,
) => expectSentences(file, runs, (run) => groupsOf(...run));

describe('the failure of a target', () => {
  it('is none while a dry run leaves it pending', () => {
    const state = stateOf(0, { next: WAIT });
    const dryRun = resultOf([state], { inputs: { dryRun: true } });
    expect(failureIn(state, dryRun)).toBeNull();
    expect(failureIn(added(0), resultOf([added(0)]))).toBeNull();
  });

  it.each([
    [{ type: 'timeout' }, 'timeout'],
    [{ type: 'cancelled' }, 'cancelled'],
    [{ type: 'crashed', error: 'x' }, 'internal'],
  ] as const)('follows from the end of the run: %j', (ending, cause) => {
    const state = stateOf(0, { next: WAIT });
    const result = resultOf([state], { outcome: { ending } });
    expect(failureIn(state, result)?.cause).toBe(cause);
  });
});

describe('failures', () => {
  it('are one group where only their own IDs differ', async () => {
    const foreign = range(0, 2).map((n) => {
      const id = account(n).toUpperCase();
      return failed(n, requestFailure('rejected', `account ${id} is foreign`));
    });
    const errors = range(1, 20).map((n) =>
      resourceError(true, 'missing entitlement', `p${n}`),
    );
    await expectGroups('groups', {
      'the ID of the account': [foreign],
      'one account': [foreign.slice(0, 1)],
      'the ID of the recipient': [
        range(0, 1).map((n) =>
          failed(n, failureOf('removed', `recipient r${n} is disassociated`), {
            status: 'disassociated',
          }),
        ),
      ],
      'the reason, the code or the cause': [
        [
          failed(0, requestFailure('rejected', 'no', { code: 1 })),
          failed(1, requestFailure('rejected', 'no', { code: 2 })),
          failed(2, requestFailure('rejected', 'never', { code: 2 })),
          failed(3, requestFailure('server', 'never', { code: 2 })),
        ],
      ],
      'equal errors of many resources': [
        range(0, 1).map((n) => {
          const recipient = recordOf(n, 'associated', { errors });
          return failed(n, resourceFailure(recipient), { recipient });
        }),
      ],
      'what was seen before the time was over': [
        [
          stateOf(0, {
            next: WAIT,
            status: 'associating',
            statusSinceMs: 50_000,
          }),
          stateOf(1, { next: WAIT, status: 'associating' }),
          stateOf(2, { next: { do: 'create' } }),
        ],
        timeout,
      ],
      'an addition and a removal that one failure stopped': [
        [failed(0, stopped), failed(1, stopped, unlisted)],
      ],
      'whatever is known of accounts that an internal error ended': [
        [
          stateOf(0, { next: WAIT, status: 'associating' }),
          stateOf(1, { next: { do: 'create' } }),
        ],
        { outcome: { ending: { type: 'crashed', error: 'x' } } },
      ],
      'before the first list, nothing that was seen': [
        range(0, 1).map((n) =>
          failed(n, requestFailure('timeout', 'no response')),
        ),
        { observed: null },
      ],
    });
  });

  it('come in the order of how many targets they have, but before what they stopped', async () => {
    await expectGroups('groups-order', {
      'the most targets first': [
        [
          failed(0, failureOf('server', 'one')),
          failed(1, failureOf('server', 'two')),
          failed(2, failureOf('server', 'two')),
        ],
      ],
      'what was not attempted last': [
        [
          failed(0, stopped),
          failed(1, stopped),
          failed(2, failureOf('server', 'one')),
        ],
      ],
      'accounts that were not attempted': [
        [
          failed(0, requestFailure('authentication')),
          ...range(1, 999).map((n) => failed(n, stopped)),
        ],
      ],
      ...Object.fromEntries(
        (['timeout', 'cancelled', 'stopped'] as const).map((cause) => [
          `removals that were not begun: ${cause}`,
          [
            [
              failed(0, failureOf('server')),
              failed(1, failureOf(cause), unlisted),
            ],
          ],
        ]),
      ),
      'removals that were not begun, and nothing before them': [
        [added(0), failed(1, failureOf('timeout'), unlisted)],
      ],
      'nothing that failed': [[added(0)]],
    });
  });

  it('of a plan that was rejected as a whole are one, with all targets that would change', async () => {
    const refusal = refusedBecause('too many', 'removals');
    const refused: RunCase = { outcome: { refusal } };
    await expectGroups('groups-rejected', {
      'no target would change': [[unchanged(0), unchanged(1)], refused],
      'two would change': [
        [unchanged(0), failed(1, refusal), failed(2, refusal, unlisted)],
        refused,
      ],
    });
  });
});
