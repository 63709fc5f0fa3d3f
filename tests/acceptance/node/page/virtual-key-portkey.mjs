import { Portkey } from 'portkey-ai';
import { printed } from './printed.mjs';

const portkey = new Portkey({
    apiKey: process.env.PORTKEY_API_KEY,
    virtualKey: process.env.VIRTUAL_KEY,
    baseURL: process.env.GATEWAY_URL
});

await printed(() => portkey.chat.completions.create({
    model: "accounts/fireworks/models/llama-v3p1-405b-instruct",
    messages: [
        {role: "system", content: "You are a helpful assistant."},
        {role: "user", content: "What is the capital of France?"}
    ]
}));
