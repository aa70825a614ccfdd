// The least that a fleet costs: its POSTs, and the DELETEs of the records in REMOVE, over four connections, and no
// check of what became of them.
const { Agent, request } = require('node:https');

const {
  API_URL,
  CLOUDFLARE_ACCOUNT_ID,
  CLOUDFLARE_API_TOKEN,
  RECIPIENTS,
  REMOVE = '',
  SHARE_ID,
} = process.env;
const url = `${API_URL}/accounts/${CLOUDFLARE_ACCOUNT_ID}/shares/${SHARE_ID}/recipients`;
const agent = new Agent({ keepAlive: true, maxSockets: 4 });
const headers = {
  authorization: `Bearer ${CLOUDFLARE_API_TOKEN}`,
  'content-type': 'application/json',
};
const lines = (text) => text.split('\n').filter((line) => line !== '');
const writes = [
  ...lines(RECIPIENTS).map((id) => ({
    method: 'POST',
    address: url,
    body: JSON.stringify({ recipient_account_id: id }),
  })),
  ...lines(REMOVE).map((id) => ({
    method: 'DELETE',
    address: `${url}/${id}`,
    body: '',
  })),
];

function next() {
  const write = writes.shift();
  if (write === undefined) return;
  const { method, address, body } = write;
  const sent = request(address, { method, agent, headers }, (response) => {
    if (response.statusCode >= 300) process.exit(1);
    response.resume().on('end', next);
  });
  sent.end(body);
}
for (let writer = 0; writer < 4; writer++) next();
