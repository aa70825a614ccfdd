import type {
  RecipientCreateParams,
  RecipientGetResponse,
} from 'cloudflare/resources/resource-sharing/recipients';
import { expectTypeOf, it } from 'vitest';
import type { WireRecipient, WireTarget } from '../../src/cloudflare/shares.ts';

/** Checked by tsc: our wire types are those of the official package. */
it('has the wire types of the official package', () => {
  expectTypeOf<RecipientGetResponse>().toExtend<WireRecipient>();
  expectTypeOf<WireRecipient['association_status']>().toEqualTypeOf<
    RecipientGetResponse['association_status']
  >();
  expectTypeOf<WireTarget & { path_account_id: string }>().toExtend<RecipientCreateParams>();
});
