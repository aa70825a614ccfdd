// A script on Cloudflare's own package: list, create what is missing, poll each recipient until it is associated.
import { setTimeout as sleep } from 'node:timers/promises';
import Cloudflare from 'cloudflare';

const {
  API_URL,
  CLOUDFLARE_ACCOUNT_ID,
  CLOUDFLARE_API_TOKEN,
  RECIPIENTS,
  SHARE_ID,
} = process.env;
const POLL_MS = 2_000;
const { recipients } = new Cloudflare({
  apiToken: CLOUDFLARE_API_TOKEN,
  baseURL: API_URL,
}).resourceSharing;
const account = { account_id: CLOUDFLARE_ACCOUNT_ID, include_resources: true };

const activeRecords = new Map();
for await (const record of recipients.list(SHARE_ID, {
  ...account,
  per_page: 100,
})) {
  if (!record.association_status.startsWith('disassociat'))
    activeRecords.set(record.account_id, record);
}
const records = [];
for (const id of RECIPIENTS.split('\n')) {
  const target = {
    path_account_id: CLOUDFLARE_ACCOUNT_ID,
    recipient_account_id: id,
  };
  records.push(
    activeRecords.get(id) ?? (await recipients.create(SHARE_ID, target)),
  );
}
for (let record of records) {
  while (record.association_status !== 'associated') {
    record = await recipients.get(record.id, {
      ...account,
      share_id: SHARE_ID,
    });
    if (record.association_status !== 'associated') await sleep(POLL_MS);
  }
}
console.log(`${records.length} associated`);
