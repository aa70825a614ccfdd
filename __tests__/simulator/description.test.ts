/**
 * simulator/shares.openapi.json, on which `npm run test:contract` runs, against
 * Cloudflare's official package. The compiler compares the tables below with
 * the types of the package (`satisfies`: a member or a word that is missing, or
 * one too many, is an error), and the tests compare the description with the
 * tables.
 */
import type {
  RecipientCreateParams,
  RecipientCreateResponse,
  RecipientDeleteParams,
  RecipientDeleteResponse,
  RecipientGetParams,
  RecipientGetResponse,
  RecipientListParams,
  RecipientListResponse,
} from 'cloudflare/resources/resource-sharing/recipients';
import type {
  ResourceSharingGetParams,
  ResourceSharingGetResponse,
  ResourceSharingListParams,
  ResourceSharingListResponse,
} from 'cloudflare/resources/resource-sharing/resource-sharing';
import type { ResponseInfo } from 'cloudflare/resources/shared';
import { describe, expect, it } from 'vitest';
import description from '../../simulator/shares.openapi.json' with {
  type: 'json',
};

type Kind<V> = V extends string
  ? 'string'
  : V extends number
    ? 'number'
    : V extends boolean
      ? 'boolean'
      : V extends readonly unknown[]
        ? 'array'
        : 'object';
/**
 * The members of T with the kind of their values; with `?` where the member may
 * be missing.
 */
type Shape<T> = {
  [K in keyof T]-?: `${Kind<NonNullable<T[K]>>}${Record<never, never> extends Pick<T, K> ? '?' : ''}`;
};
/** All words of a union. */
type Words<T extends string> = Record<T, true>;
type Recipient = RecipientListResponse &
  RecipientGetResponse &
  RecipientCreateResponse &
  RecipientDeleteResponse;

const SCHEMAS = {
  recipient: {
    id: 'string',
    account_id: 'string',
    association_status: 'string',
    created: 'string',
    modified: 'string',
    resources: 'array?',
  } satisfies Shape<Recipient>,
  recipient_resource: {
    error: 'string',
    resource_id: 'string',
    resource_version: 'number',
    terminal: 'boolean',
  } satisfies Shape<
    RecipientListResponse.Resource & RecipientGetResponse.Resource
  >,
  share: {
    id: 'string',
    account_id: 'string',
    account_name: 'string',
    organization_id: 'string',
    name: 'string',
    status: 'string',
    target_type: 'string',
    created: 'string',
    modified: 'string',
    kind: 'string?',
    associating_recipient_count: 'number?',
    associated_recipient_count: 'number?',
    disassociating_recipient_count: 'number?',
    disassociated_recipient_count: 'number?',
    resources: 'array?',
  } satisfies Shape<ResourceSharingGetResponse & ResourceSharingListResponse>,
  share_resource: {
    id: 'string',
    resource_id: 'string',
    resource_account_id: 'string',
    resource_type: 'string',
    resource_version: 'number',
    status: 'string',
    meta: 'object',
    created: 'string',
    modified: 'string',
  } satisfies Shape<
    ResourceSharingGetResponse.Resource & ResourceSharingListResponse.Resource
  >,
  error: {
    code: 'number',
    message: 'string',
    documentation_url: 'string?',
    source: 'object?',
  } satisfies Shape<ResponseInfo>,
};

/** The package has a prefix where the path has a parameter of the same name. */
const BODY = {
  path_account_id: 'string',
  body_account_id: 'string?',
  organization_id: 'string?',
  recipient_account_id: 'string?',
} satisfies Shape<RecipientCreateParams>;

/**
 * Without the last ID of each path, which most of the package's methods take as
 * an argument of its own.
 */
const PARAMETERS = {
  'get /accounts/{account_id}/shares': {
    account_id: 'string',
    direction: 'string?',
    include_recipient_counts: 'boolean?',
    include_resources: 'boolean?',
    kind: 'string?',
    order: 'string?',
    page: 'number?',
    per_page: 'number?',
    resource_types: 'array?',
    status: 'string?',
    tag: 'array?',
    target_type: 'string?',
  } satisfies Shape<ResourceSharingListParams>,
  'get /accounts/{account_id}/shares/{share_id}': {
    account_id: 'string',
    include_resources: 'boolean?',
    include_recipient_counts: 'boolean?',
  } satisfies Shape<ResourceSharingGetParams>,
  'get /accounts/{account_id}/shares/{share_id}/recipients': {
    account_id: 'string',
    include_resources: 'boolean?',
    page: 'number?',
    per_page: 'number?',
  } satisfies Shape<RecipientListParams>,
  'get /accounts/{account_id}/shares/{share_id}/recipients/{recipient_id}': {
    account_id: 'string',
    share_id: 'string',
    include_resources: 'boolean?',
  } satisfies Shape<RecipientGetParams>,
  'delete /accounts/{account_id}/shares/{share_id}/recipients/{recipient_id}': {
    account_id: 'string',
    share_id: 'string',
  } satisfies Shape<RecipientDeleteParams>,
  'post /accounts/{account_id}/shares/{share_id}/recipients': {
    account_id: BODY.path_account_id,
  },
};

const WORDS = {
  association_status: {
    associating: true,
    associated: true,
    disassociating: true,
    disassociated: true,
  } satisfies Words<Recipient['association_status']>,
  share_status: { active: true, deleting: true, deleted: true } satisfies Words<
    ResourceSharingGetResponse['status'] &
      ResourceSharingGetResponse.Resource['status']
  >,
  share_kind: { sent: true, received: true } satisfies Words<
    NonNullable<ResourceSharingGetResponse['kind']>
  >,
  share_target_type: { account: true, organization: true } satisfies Words<
    ResourceSharingGetResponse['target_type']
  >,
  resource_type: {
    'custom-ruleset': true,
    'gateway-policy': true,
    'gateway-destination-ip': true,
    'gateway-block-page-settings': true,
    'gateway-extended-email-matching': true,
    'idp-federation-grant': true,
    'trust-grant': true,
  } satisfies Words<ResourceSharingGetResponse.Resource['resource_type']>,
};

interface Schema {
  $ref?: string;
  type?: string;
  allOf?: Schema[];
  enum?: string[];
  required?: string[];
  properties?: Record<string, Schema>;
}
interface Parameter {
  name: string;
  in: string;
  required?: boolean;
  schema: Schema;
}
type Refs = { $ref: string }[];

const components = description.components as {
  schemas: Record<string, Schema>;
  parameters: Record<string, Parameter>;
};
const nameOf = (ref: string) => ref.replace(/.*\//, '');
const schema = (name: string) => components.schemas[name] as Schema;

function kindOf({ $ref, allOf, type = '' }: Schema): string {
  if ($ref) return kindOf(schema(nameOf($ref)));
  if (allOf?.[0]) return kindOf(allOf[0]);
  return type === 'integer' ? 'number' : type;
}

function shapeOf({
  properties = {},
  required = [],
}: Schema): Record<string, string> {
  return Object.fromEntries(
    Object.entries(properties).map(([name, value]) => [
      name,
      kindOf(value) + (required.includes(name) ? '' : '?'),
    ]),
  );
}

describe('the description of the API', () => {
  it.each(Object.entries(SCHEMAS))(
    'has the members of %s in the official package',
    (name, members) => {
      expect(shapeOf(schema(name))).toEqual(members);
    },
  );

  it('has the body of a POST in the official package', () => {
    const {
      path_account_id: _,
      body_account_id: account_id,
      ...members
    } = BODY;
    expect(shapeOf(schema('create_recipient'))).toEqual({
      ...members,
      account_id,
    });
  });

  it.each(Object.entries(PARAMETERS))(
    'has the parameters of %s in the official package',
    (operation, members) => {
      const [method = '', path = ''] = operation.split(' ');
      const item =
        (description.paths as Record<string, Record<string, unknown>>)[path] ??
        {};
      const { parameters = [] } = item[method] as { parameters?: Refs };
      const all = [...(item['parameters'] as Refs), ...parameters].map(
        ({ $ref }) => components.parameters[nameOf($ref)] as Parameter,
      );
      const inPath = all
        .filter((parameter) => parameter.in === 'path')
        .map(({ name }) => name);
      expect(inPath).toEqual(
        [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name),
      );
      // Only some methods of the package take the last ID as a member.
      const last = inPath.at(-1);
      const shapes = all
        .filter(({ name }) => name !== last || Object.hasOwn(members, name))
        .map(({ name, required, schema: value }) => [
          name,
          kindOf(value) + (required ? '' : '?'),
        ]);
      expect(Object.fromEntries(shapes)).toEqual(members);
    },
  );

  it('describes no other operation', () => {
    const operations = Object.entries(description.paths).flatMap(
      ([path, item]) =>
        Object.keys(item).flatMap((method) =>
          method === 'parameters' ? [] : `${method} ${path}`,
        ),
    );
    expect(operations.sort()).toEqual(Object.keys(PARAMETERS).sort());
  });

  it.each(Object.entries(WORDS))(
    'has the words of %s in the official package',
    (name, words) => {
      expect(schema(name).enum).toEqual(Object.keys(words));
    },
  );
});
