// What a script on Cloudflare's own package looks like: list, create what is missing, poll each until it is there.
import { setTimeout as sleep } from 'node:timers/promises';
import Cloudflare from 'cloudflare';

const { API_URL, CLOUDFLARE_ACCOUNT_ID, CLOUDFLARE_API_TOKEN, RECIPIENTS, SHARE_ID } = process.env;
const POLL_MS = 2_000;
const { recipients } = new Cloudflare({ apiToken: CLOUDFLARE_API_TOKEN, baseURL: API_URL }).resourceSharing;
const account = { account_id: CLOUDFLARE_ACCOUNT_ID, include_resources: true };

const known = new Map();
for await (const row of recipients.list(SHARE_ID, { ...account, per_page: 100 })) {
  if (!row.association_status.startsWith('disassociat')) known.set(row.account_id, row);
}
const rows = [];
for (const id of RECIPIENTS.split('\n')) {
  const target = { path_account_id: CLOUDFLARE_ACCOUNT_ID, recipient_account_id: id };
  rows.push(known.get(id) ?? (await recipients.create(SHARE_ID, target)));
}
for (let row of rows) {
  while (row.association_status !== 'associated') {
    row = await recipients.get(row.id, { ...account, share_id: SHARE_ID });
    if (row.association_status !== 'associated') await sleep(POLL_MS);
  }
}
console.log(`${rows.length} associated`);
