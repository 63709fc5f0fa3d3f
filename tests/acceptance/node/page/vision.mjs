import { Portkey } from 'portkey-ai';
import fs from 'fs';

const portkey = new Portkey({
    apiKey: process.env.PORTKEY_API_KEY,
    provider: "fireworks-ai",
    Authorization: process.env.PROVIDER_API_KEY,
    baseURL: process.env.GATEWAY_URL
});

const imageBase64 = fs.readFileSync(process.env.IMAGE, {encoding: 'base64'});

const response = await portkey.chat.completions.create({
    model: "accounts/fireworks/models/llava-v1.5-7b-4096-preview",
    messages: [
        {role: "user", content: "What's in this image?"},
        {role: "system", content: [{type: "image_url", image_url: {url: `data:image/jpeg;base64,${imageBase64}`}}]}
    ]
});

console.log(JSON.stringify(response));
