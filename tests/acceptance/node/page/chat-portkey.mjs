import { Portkey } from 'portkey-ai';

const portkey = new Portkey({
    apiKey: process.env.PORTKEY_API_KEY,
    provider: "fireworks-ai",
    Authorization: process.env.PROVIDER_API_KEY,
    baseURL: process.env.GATEWAY_URL
});

const response = await portkey.chat.completions.create({
    model: "accounts/fireworks/models/llama-v3p1-405b-instruct",
    messages: [
        {role: "system", content: "You are a helpful assistant."},
        {role: "user", content: "What is the capital of France?"}
    ]
});

console.log(JSON.stringify(response));
