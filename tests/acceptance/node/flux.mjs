// Orders pictures with both official JavaScript clients, all at once, and prints what each of them gave.

import OpenAI from 'openai';
import { Portkey, createHeaders } from 'portkey-ai';
import { printed } from './page/printed.mjs';

const { GATEWAY_URL: baseURL, PORTKEY_API_KEY: apiKey, PROVIDER_API_KEY: providerKey, ORDERS } = process.env;
const provider = 'fireworks-ai';
const portkey = new Portkey({ apiKey, provider, Authorization: providerKey, baseURL });
const openai = new OpenAI({ apiKey: providerKey, baseURL, defaultHeaders: createHeaders({ apiKey, provider }) });

async function byPortkey(order) {
    const answer = await portkey.images.generate(order);
    return { data: answer.data, provider: answer.getHeaders().provider };
}

async function byOpenAI(order) {
    const { data: answer, response } = await openai.images.generate(order).withResponse();
    return {
        data: answer.data,
        provider: response.headers.get('x-portkey-provider'),
        changed: response.headers.get('x-emberway-changed'),
    };
}

async function all(call) {
    const orders = Object.entries(JSON.parse(ORDERS));
    return Object.fromEntries(await Promise.all(orders.map(async ([name, order]) => [name, await call(order)])));
}

await printed(async () => {
    const [fromPortkey, fromOpenAI] = await Promise.all([all(byPortkey), all(byOpenAI)]);
    return { 'node-portkey': fromPortkey, 'node-openai': fromOpenAI };
});
