import { Portkey } from 'portkey-ai';

const portkey = new Portkey({
    apiKey: process.env.PORTKEY_API_KEY,
    provider: "fireworks-ai",
    Authorization: process.env.PROVIDER_API_KEY,
    baseURL: process.env.GATEWAY_URL
});

const response = await portkey.images.generate({
    model: "accounts/fireworks/models/stable-diffusion-xl-1024-v1-0",
    prompt: "A futuristic cityscape with flying cars",
    n: 1,
    size: "1024x1024"
});

const imageUrl = response.data[0].url;

console.log(JSON.stringify({imageUrl, b64_json: response.data[0].b64_json}));
