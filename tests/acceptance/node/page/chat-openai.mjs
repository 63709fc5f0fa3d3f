import OpenAI from 'openai';
import { createHeaders } from 'portkey-ai';

const openai = new OpenAI({
    apiKey: process.env.PROVIDER_API_KEY,
    baseURL: process.env.GATEWAY_URL,
    defaultHeaders: createHeaders({
        provider: "fireworks-ai",
        apiKey: process.env.PORTKEY_API_KEY
    })
});

const response = await openai.chat.completions.create({
    model: "accounts/fireworks/models/llama-v3p1-405b-instruct",
    messages: [
        {role: "system", content: "You are a helpful assistant."},
        {role: "user", content: "What is the capital of France?"}
    ]
});

console.log(JSON.stringify(response));
