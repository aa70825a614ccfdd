// The least that a fleet costs: its POSTs over four connections, and no check of what became of them.
const { Agent, request } = require('node:https');

const {
  API_URL,
  CLOUDFLARE_ACCOUNT_ID,
  CLOUDFLARE_API_TOKEN,
  RECIPIENTS,
  SHARE_ID,
} = process.env;
const url = `${API_URL}/accounts/${CLOUDFLARE_ACCOUNT_ID}/shares/${SHARE_ID}/recipients`;
const agent = new Agent({ keepAlive: true, maxSockets: 4 });
const headers = {
  authorization: `Bearer ${CLOUDFLARE_API_TOKEN}`,
  'content-type': 'application/json',
};
const due = RECIPIENTS.split('\n');

function next() {
  const id = due.shift();
  if (id === undefined) return;
  const post = request(url, { method: 'POST', agent, headers }, (response) => {
    if (response.statusCode !== 201) process.exit(1);
    response.resume().on('end', next);
  });
  post.end(JSON.stringify({ recipient_account_id: id }));
}
for (let writer = 0; writer < 4; writer++) next();
