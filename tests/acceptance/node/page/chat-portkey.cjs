const Portkey = require('portkey-ai').default;

const portkey = new Portkey({
    apiKey: process.env.PORTKEY_API_KEY,
    provider: "fireworks-ai",
    Authorization: process.env.PROVIDER_API_KEY,
    baseURL: process.env.GATEWAY_URL
});

portkey.chat.completions.create({
    model: "accounts/fireworks/models/llama-v3p1-405b-instruct",
    messages: [
        {role: "system", content: "You are a helpful assistant."},
        {role: "user", content: "What is the capital of France?"}
    ]
}).then((response) => {
    console.log(JSON.stringify(response));
});
