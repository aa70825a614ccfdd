/** Whom a POST names, and whether the share takes this target. */
import type { SharesApiOptions } from './options.ts';
import { type ApiResponse, failure, reject } from './protocol.ts';
import { organizationOf, type Share, type Target } from './records.ts';

/** What a create request says. */
type Reading =
  | { says: 'target'; target: Target }
  | { says: 'nobody' }
  | { says: 'nonsense' };

export type Admission =
  | {
      isAdmitted: true;
      target: Target;
      /** The request named no target, so it means the whole organization. */
      isWholeOrganization: boolean;
    }
  | { isAdmitted: false; response: ApiResponse };

const ID = /^[\w-]{0,32}$/;

function isIdOrMissing(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  return typeof value === 'string' && ID.test(value);
}

function readTarget(body: unknown): Reading {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    return { says: 'nonsense' };

  const {
    recipient_account_id: named,
    account_id: alias,
    organization_id: organization,
  } = body as Record<string, unknown>;
  if (![named, alias, organization].every(isIdOrMissing))
    return { says: 'nonsense' };

  // An empty string counts as missing, as it does for most servers; that is
  // what makes it dangerous.
  const account = named || alias;
  if (account && organization) return { says: 'nonsense' };
  if (account)
    return {
      says: 'target',
      target: { kind: 'account', id: String(account) },
    };
  if (organization)
    return {
      says: 'target',
      target: { kind: 'organization', id: String(organization) },
    };
  return { says: 'nobody' };
}

function rejectionOf(
  share: Share,
  { kind, id }: Target,
  options: SharesApiOptions,
): ApiResponse | undefined {
  if (kind === 'account' && share.targetType === 'organization')
    return reject('target');
  const isForeign = share.organizationId && id !== share.organizationId;
  if (kind === 'organization' && isForeign) return reject('foreign');
  if (id === share.accountId) return reject('owner');
  const error = options.rejectAccounts?.[id];
  return error && failure(error.status, error.code, error.message);
}

/** Decides on a POST with this body. */
export function admit(
  share: Share,
  body: unknown,
  options: SharesApiOptions,
): Admission {
  const reading = readTarget(body);
  if (reading.says === 'nonsense')
    return { isAdmitted: false, response: reject('field') };
  if ((share.status ?? 'active') !== 'active')
    return { isAdmitted: false, response: reject('shareDeleted') };

  const target: Target =
    reading.says === 'target'
      ? reading.target
      : { kind: 'organization', id: organizationOf(share) };
  const response = rejectionOf(share, target, options);
  if (response) return { isAdmitted: false, response };
  return {
    isAdmitted: true,
    target,
    isWholeOrganization: reading.says === 'nobody',
  };
}
