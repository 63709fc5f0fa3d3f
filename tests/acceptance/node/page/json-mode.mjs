import { Portkey } from 'portkey-ai';

const portkey = new Portkey({
    apiKey: process.env.PORTKEY_API_KEY,
    provider: "fireworks-ai",
    Authorization: process.env.PROVIDER_API_KEY,
    baseURL: process.env.GATEWAY_URL
});

const jsonSchema = {
    type: "object",
    properties: {
        name: {type: "string"},
        age: {type: "integer"},
        city: {type: "string"}
    },
    required: ["name", "age", "city"]
};

const response = await portkey.chat.completions.create({
    model: "accounts/fireworks/models/llama-v3p1-405b-instruct",
    messages: [
        {role: "user", content: "Generate a person's details."}
    ],
    response_format: {type: "json_object"},
    json_schema: jsonSchema
});

const generatedJson = JSON.parse(response.choices[0].message.content);

console.log(JSON.stringify(generatedJson));
