// A chat through the gateway with OpenAI's own client: nothing but the address and the key is the gateway's.
//   npm install openai
//   API_KEY=sk_… node examples/clients/chat.ts "Tell me a joke"
import OpenAI from 'openai';

const gateway = process.env['GATEWAY_URL'] ?? 'http://localhost:8000';
const client = new OpenAI({ baseURL: `${gateway}/v1`, apiKey: process.env['API_KEY'] });

const stream = await client.chat.completions.create({
  model: process.env['MODEL'] ?? 'gpt-4o-mini',
  messages: [{ role: 'user', content: process.argv[2] ?? 'Hello!' }],
  stream: true,
});
for await (const chunk of stream) process.stdout.write(chunk.choices[0]?.delta.content ?? '');
process.stdout.write('\n');
