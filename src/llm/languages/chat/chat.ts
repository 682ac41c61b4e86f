import type { Language } from '../language.ts';
import { writeOpenaiFailure } from '../openai-failure.ts';
import { readAnswer } from './read-answer.ts';
import { ChatReader } from './read-events.ts';
import { readRequest } from './read-request.ts';
import { writeAnswer } from './write-answer.ts';
import { ChatWriter } from './write-events.ts';
import { writeRequest } from './write-request.ts';

/** Chat completions, as OpenAI and nearly everyone else serves them. */
export const chat: Language = {
  path: '/chat/completions',
  readRequest,
  writeRequest,
  readAnswer,
  writeAnswer,
  readEvents: (sink) => new ChatReader(sink),
  writeEvents: (call, push) => new ChatWriter(call, push),
  writeFailure: writeOpenaiFailure,
};
