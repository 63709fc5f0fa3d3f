import { Portkey } from 'portkey-ai';
import { printed } from './printed.mjs';

const portkey = new Portkey({
    apiKey: process.env.PORTKEY_API_KEY,
    provider: "fireworks-ai",
    Authorization: process.env.PROVIDER_API_KEY,
    baseURL: process.env.GATEWAY_URL
});

await printed(() => portkey.chat.completions.create({
    model: "accounts/fireworks/models/llama-v3p1-405b-instruct",
    promptKey: "my-fireworks-prompt",
    messages: [
        {role: "user", content: "What is the capital of France?"}
    ]
}));
