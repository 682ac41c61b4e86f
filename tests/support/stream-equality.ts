import fc from 'fast-check';
import type { Answer, AnswerPart } from '../../src/llm/conversation/answer.ts';
import type { AnswerSink } from '../../src/llm/conversation/answer-sink.ts';
import type { Seal } from '../../src/llm/conversation/seal.ts';
import { LanguageTranslation } from '../../src/llm/languages/language-translation.ts';
import type { Language } from '../../src/llm/languages/language.ts';
import { chat } from '../../src/llm/languages/chat/chat.ts';
import { messages } from '../../src/llm/languages/messages/messages.ts';
import { responses } from '../../src/llm/languages/responses/responses.ts';
import { assembleCompletion, assembleMessage, assembleResponse } from './assemble-stream.ts';
import { buildCallOf } from './model-call-builder.ts';

type Json = Record<string, unknown>;
export type LanguageName = 'chat' | 'messages' | 'responses';

const LANGUAGES: Readonly<Record<LanguageName, Language>> = { chat, messages, responses };

export const DIRECTIONS = (['chat', 'messages', 'responses'] as const).flatMap((upstream) =>
  (['chat', 'messages', 'responses'] as const).map((client) => [upstream, client] as const),
);

const words = fc.string({ minLength: 1, maxLength: 40, unit: 'grapheme' });
const input = fc
  .dictionary(fc.string(), fc.jsonValue())
  .map((value) => JSON.stringify(JSON.parse(JSON.stringify(value))));
const usage = fc.option(
  fc
    .tuple(fc.integer({ min: 1, max: 1e6 }), fc.integer({ min: 1, max: 1e6 }), fc.nat(100), fc.nat(50))
    .map(([rest, output, cacheRead, reasoning]) => ({
      input: rest + cacheRead,
      cacheRead,
      cacheWrite: 0,
      output,
      reasoning,
    })),
  { nil: undefined },
);

/** The part that the upstream's language can express: chat completions hold one text, and unsigned thoughts. */
function partsOf(upstream: LanguageName): fc.Arbitrary<AnswerPart[]> {
  const seal: fc.Arbitrary<Seal | undefined> =
    upstream === 'chat'
      ? fc.constant({ origin: 'chat', data: 'reasoning_content' })
      : fc.option(
          words.map(
            (data) => ({ origin: upstream, data, id: upstream === 'responses' ? 'rs_up_0' : undefined }) as Seal,
          ),
          { nil: undefined },
        );
  const reasoning = fc.record({ kind: fc.constant('reasoning' as const), text: words, seal });
  const text = fc.record({ kind: fc.constant('text' as const), text: words });
  const call = fc.record({ name: words, input }).map((fields) => ({ kind: 'call' as const, id: '', ...fields }));
  return fc
    .tuple(fc.option(reasoning), fc.option(text), fc.array(call, { maxLength: 3 }))
    .map(([thought, said, calls]) =>
      [thought, said, ...calls.map((made, i) => ({ ...made, id: `call_${i}` }))].filter((part) => part !== null),
    );
}

export function answersOf(upstream: LanguageName): fc.Arbitrary<Answer> {
  return fc.record({ parts: partsOf(upstream), usage, isCut: fc.boolean() }).map(({ parts, usage: used, isCut }) => ({
    id: 'up',
    model: 'upstream-model',
    parts,
    reason: isCut
      ? ('length' as const)
      : parts.some(({ kind }) => kind === 'call')
        ? ('calls' as const)
        : ('stop' as const),
    stopSequence: undefined,
    usage: used,
  }));
}

/** Hands texts on in pieces, as models write them. */
function playInPieces(answer: Answer, sink: AnswerSink, size: number): void {
  sink.start(answer);
  for (const part of answer.parts) {
    sink.open(part);
    const text = part.kind === 'call' ? part.input : part.text;
    for (let at = 0; at < text.length; at += size) sink.delta(text.slice(at, at + size));
    sink.close(part.kind === 'reasoning' ? part.seal : undefined);
  }
  sink.finish(answer);
}

/** The same answer, translated whole and translated as a stream that comes in chunks of these sizes. */
export function translateBothWays(
  answer: Answer,
  [upstream, client]: readonly [LanguageName, LanguageName],
  { chunkBytes, pieceLength }: { chunkBytes: number; pieceLength: number },
): { whole: unknown; streamed: unknown } {
  const asked = buildCallOf('chat', {}, { wantsStreamUsage: true });
  const from = LANGUAGES[upstream];
  const translation = new LanguageTranslation(asked, LANGUAGES[client], from);
  const whole = JSON.parse(translation.whole(Buffer.from(JSON.stringify(from.writeAnswer(answer, asked)))).toString());
  const events: string[] = [];
  playInPieces(
    answer,
    from.writeEvents(asked, (text) => events.push(text)),
    pieceLength,
  );
  const bytes = Buffer.from(events.join(''));
  const stream = translation.stream();
  const out: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += chunkBytes) out.push(stream.write(bytes.subarray(at, at + chunkBytes)));
  out.push(stream.end());
  const text = Buffer.concat(out).toString();
  if (!stream.isWhole) throw new Error(`not whole: ${stream.failure?.internal ?? stream.failure?.detail ?? ''}`);
  return { whole: COMPARED[client].whole(whole), streamed: COMPARED[client].streamed(text) };
}

const COMPARED: Readonly<
  Record<LanguageName, { whole: (answer: Json) => unknown; streamed: (text: string) => unknown }>
> = {
  chat: {
    whole: ({ choices, usage: used }) => {
      const [{ message, finish_reason: reason }] = choices as [{ message: Json; finish_reason: unknown }];
      const { role: _role, content, ...rest } = message;
      return { message: { content: content ?? '', ...rest }, reason, usage: used };
    },
    streamed: assembleCompletion,
  },
  messages: {
    whole: ({ id: _id, type: _type, role: _role, model: _model, ...rest }) => rest,
    streamed: assembleMessage,
  },
  responses: {
    whole: ({ output, status, incomplete_details: details, usage: used }) => ({
      fromDeltas: output,
      output,
      status,
      details,
      usage: used,
    }),
    streamed: (text) => {
      const { fromDeltas, last } = assembleResponse(text);
      const { output, status, incomplete_details: details, usage: used } = last;
      return { fromDeltas, output, status, details, usage: used };
    },
  },
};
