// Makes the calls that come in as JSON lines with the official JavaScript clients and answers each with a JSON line.
//
// A call is {client, options, method, args}: `client` is "portkey" or "openai", `options` are the constructor's, `method` is
// the way from the client to the function ("chat.completions.create"). The answer holds `value`, or `chunks` when the
// client gave a stream, and `raised` when it threw, on the way or in mid-stream.

import { createInterface } from 'node:readline';
import OpenAI from 'openai';
import { Portkey, createHeaders } from 'portkey-ai';

function connect({ client, options }) {
    if (client === 'portkey') return new Portkey(options);
    const { headers, ...rest } = options;
    return new OpenAI({ ...rest, defaultHeaders: createHeaders(headers) });
}

function described(error) {
    const { status, message } = error;
    return { name: error.constructor.name, status: status ?? null, message, body: error.error ?? null };
}

async function perform({ method, args, ...how }) {
    const outcome = {};
    try {
        const path = method.split('.');
        const name = path.pop();
        const owner = path.reduce((place, step) => place[step], connect(how));
        const value = await owner[name](...args);
        if (value !== null && typeof value === 'object' && Symbol.asyncIterator in value && args[0]?.stream) {
            outcome.chunks = [];
            for await (const chunk of value) outcome.chunks.push(chunk);
        } else {
            outcome.value = value;
            if (typeof value?.getHeaders === 'function') outcome.headers = value.getHeaders();
        }
    } catch (error) {
        outcome.raised = described(error);
    }
    return outcome;
}

for await (const line of createInterface({ input: process.stdin })) {
    process.stdout.write(JSON.stringify(await perform(JSON.parse(line))) + '\n');
}
