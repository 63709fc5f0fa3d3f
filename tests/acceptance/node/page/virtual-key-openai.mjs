import OpenAI from 'openai';
import { createHeaders } from 'portkey-ai';
import { printed } from './printed.mjs';

const openai = new OpenAI({
    apiKey: process.env.PROVIDER_API_KEY,
    baseURL: process.env.GATEWAY_URL,
    defaultHeaders: createHeaders({
        apiKey: process.env.PORTKEY_API_KEY,
        virtualKey: process.env.VIRTUAL_KEY
    })
});

await printed(() => openai.chat.completions.create({
    model: "accounts/fireworks/models/llama-v3p1-405b-instruct",
    messages: [
        {role: "system", content: "You are a helpful assistant."},
        {role: "user", content: "What is the capital of France?"}
    ]
}));
