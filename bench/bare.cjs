// The least that a look can cost on Node: one read of the list, and nothing said about it.
const { get } = require('node:http');

const { API_URL, CLOUDFLARE_ACCOUNT_ID, CLOUDFLARE_API_TOKEN, SHARE_ID } = process.env;
const list = `${API_URL}/accounts/${CLOUDFLARE_ACCOUNT_ID}/shares/${SHARE_ID}/recipients`;
const headers = { authorization: `Bearer ${CLOUDFLARE_API_TOKEN}` };
get(`${list}?include_resources=true&page=1&per_page=100`, { headers }, (answer) => {
  let text = '';
  answer.setEncoding('utf8').on('data', (chunk) => {
    text += chunk;
  });
  answer.on('end', () => {
    process.exitCode = JSON.parse(text).result[0].association_status === 'associated' ? 0 : 1;
  });
});
