/** Assembles the answer of a stream as the documentation of each API describes. */

type Json = Record<string, unknown>;

function eventsOf(stream: string): Json[] {
  const blocks = stream.split('\n\n').filter((block) => block.includes('data: {'));
  return blocks.map((block) => JSON.parse(block.slice(block.indexOf('data: ') + 6)) as Json);
}

/** The message of a chat completion, with its finish reason and usage. */
export function assembleCompletion(stream: string): Json {
  const message: Json = { content: '', refusal: null };
  const calls: Json[] = [];
  let reason: unknown;
  let usage: unknown;
  for (const chunk of eventsOf(stream)) {
    usage = chunk['usage'] ?? usage;
    const [choice] = chunk['choices'] as Json[];
    if (!choice) continue;
    reason = choice['finish_reason'] ?? reason;
    addDelta(message, calls, choice['delta'] as Json);
  }
  return { message: { ...message, ...(calls.length > 0 ? { tool_calls: calls } : {}) }, reason, usage };
}

function addDelta(message: Json, calls: Json[], delta: Json): void {
  for (const field of ['content', 'refusal', 'reasoning_content'])
    if (typeof delta[field] === 'string')
      message[field] = `${(message[field] as string | undefined) ?? ''}${delta[field]}`;
  if (delta['thinking_blocks'])
    message['thinking_blocks'] = [
      ...((message['thinking_blocks'] as Json[]) ?? []),
      ...(delta['thinking_blocks'] as Json[]),
    ];
  for (const piece of (delta['tool_calls'] ?? []) as (Json & { index: number })[]) {
    const { index, id, type, function: called } = piece as Json & { index: number; function: Json };
    calls[index] ??= { id, type, function: { name: called['name'], arguments: '' } };
    const call = calls[index]['function'] as Json;
    call['arguments'] = String(call['arguments']) + String(called['arguments']);
  }
}

/** A message of the Messages API, but for its head. */
export function assembleMessage(stream: string): Json {
  const content: Json[] = [];
  let end: Json = {};
  let input = '';
  for (const event of eventsOf(stream)) {
    const block = content[event['index'] as number];
    if (event['type'] === 'content_block_start') {
      content.push({ ...(event['content_block'] as Json) });
      input = '';
    } else if (event['type'] === 'content_block_delta' && block) {
      const { type, ...delta } = event['delta'] as Json;
      if (type === 'input_json_delta') input += String(delta['partial_json']);
      else for (const [key, text] of Object.entries(delta)) block[key] = String(block[key]) + String(text);
    } else if (event['type'] === 'content_block_stop' && block?.['type'] === 'tool_use') {
      block['input'] = JSON.parse(input);
    } else if (event['type'] === 'message_delta') end = { ...(event['delta'] as Json), usage: event['usage'] };
  }
  return { content, ...end };
}

/** The output of a response: once from its deltas, once as its last event repeats it. */
export function assembleResponse(stream: string): { fromDeltas: Json[]; last: Json } {
  const items: Json[] = [];
  let last: Json = {};
  for (const event of eventsOf(stream)) {
    const item = items[event['output_index'] as number];
    const type = String(event['type']).replace('response.', '');
    if (type === 'output_item.added') items.push({ ...(event['item'] as Json) });
    else if (type === 'output_item.done' && item) {
      const { status, encrypted_content: seal } = event['item'] as Json;
      Object.assign(
        item,
        status === undefined ? {} : { status },
        seal === undefined ? {} : { encrypted_content: seal },
      );
    } else if (type === 'content_part.added' && item) item['content'] = [{ ...(event['part'] as Json) }];
    else if (type === 'reasoning_summary_part.added' && item) item['summary'] = [{ ...(event['part'] as Json) }];
    else if (type.endsWith('.delta') && item) addText(item, type, String(event['delta']));
    if (event['response']) last = event['response'] as Json;
  }
  return { fromDeltas: items, last };
}

function addText(item: Json, type: string, text: string): void {
  const [part] = ((type.startsWith('reasoning') ? item['summary'] : item['content']) ?? []) as Json[];
  const [holder, key]: [Json, string] = type.startsWith('function_call')
    ? [item, 'arguments']
    : [part as Json, type.startsWith('refusal') ? 'refusal' : 'text'];
  holder[key] = String(holder[key]) + text;
}
