import { Portkey } from 'portkey-ai';

const portkey = new Portkey({
    apiKey: process.env.PORTKEY_API_KEY,
    provider: "fireworks-ai",
    Authorization: process.env.PROVIDER_API_KEY,
    baseURL: process.env.GATEWAY_URL
});

const grammar = `root ::= number "+" number "=" number
number ::= [0-9]+`;

const response = await portkey.chat.completions.create({
    model: "accounts/fireworks/models/llama-v3p1-405b-instruct",
    messages: [
        {role: "user", content: "Give me a simple addition equation."}
    ],
    grammar: grammar
});

console.log(JSON.stringify(response));
