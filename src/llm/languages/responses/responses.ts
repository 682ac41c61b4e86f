import type { Language } from '../language.ts';
import { writeOpenaiFailure } from '../openai-failure.ts';
import { readAnswer } from './read-answer.ts';
import { ResponsesReader } from './read-events.ts';
import { readRequest } from './read-request.ts';
import { writeAnswer } from './write-answer.ts';
import { ResponsesWriter } from './write-events.ts';
import { writeRequest } from './write-request.ts';

/** OpenAI's Responses API, without what only a provider that keeps conversations can do. */
export const responses: Language = {
  path: '/responses',
  readRequest,
  writeRequest,
  readAnswer,
  writeAnswer,
  readEvents: (sink) => new ResponsesReader(sink),
  writeEvents: (call, push) => new ResponsesWriter(call, push),
  writeFailure: writeOpenaiFailure,
};
