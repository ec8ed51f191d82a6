// OpenAI's client for Node at the address of the first argument; prints what it got as JSON.
import { createRequire } from "node:module";

const { OpenAI } = createRequire(process.env.CLIENT_PACKAGES + "/")("openai");
const client = new OpenAI({ baseURL: process.argv[2], apiKey: "none", maxRetries: 0 });
const messages = [{ role: "user", content: process.argv[3] }];

const reply = await client.chat.completions.create({ model: "embedded", messages, reasoning_effort: "high" });
const { message } = reply.choices[0];
let streamed = "";
const stream = await client.chat.completions.create({
  model: "embedded", messages, reasoning_effort: "high", stream: true,
});
for await (const chunk of stream) streamed += chunk.choices[0]?.delta?.content ?? "";

const response = await client.responses.create({
  model: "embedded", input: process.argv[3], reasoning: { effort: "high" },
});
const fields = { type: "object", properties: { word: { type: "string" } } };
const called = await client.chat.completions.create({
  model: "hosted",
  messages: [{ role: "user", content: "Please look_up 'sum'." }],
  tools: [{ type: "function", function: { name: "look_up", parameters: fields } }],
});
const tool = called.choices[0].message.tool_calls[0].function;

let error = "";
try {
  await client.chat.completions.create({ model: "nobody", messages });
} catch (failure) {
  error = `${failure.status} ${failure.code} ${failure.message}`;
}
console.log(JSON.stringify({
  text: message.content,
  streamed,
  response: response.output_text,
  reasoning: message.reasoning_content,
  usage: [reply.usage.prompt_tokens, reply.usage.completion_tokens, reply.usage.completion_tokens_details.reasoning_tokens],
  tool: [tool.name, JSON.parse(tool.arguments)],
  error,
}));
