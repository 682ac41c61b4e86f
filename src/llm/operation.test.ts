import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { modelInPath, readOperation } from './operation.ts';

describe('the operation a path asks for', () => {
  test.each([
    ['/chat/completions', 'chat'],
    ['/completions', 'completions'],
    ['/responses', 'responses'],
    ['/messages', 'messages'],
    ['/embeddings', 'embeddings'],
    ['/embed', 'embed'],
    ['/models', 'models'],
    ['/models/gpt-4', 'models'],
    ['/images/generations', 'images'],
    ['/files', 'other'],
    ['/files/file-1', 'other'],
    ['/chat/completions/chatcmpl-1', 'other'],
    ['/messages/count_tokens', 'count_tokens'],
    ['/', 'other'],
  ])('%s: %s', (path, operation) => {
    expect(readOperation(path)).toMatchObject({ operation, path, isStreamForced: false });
  });

  test('is the same in every spelling that an upstream might accept, and one spelling is sent', () => {
    const spelled = fc
      .tuple(
        fc.constantFrom('', '/v1', '/V1/v1', '/openai', '/openai/v1'),
        fc.constantFrom('/', '//', '%2F', '/%2F'),
        fc.constantFrom('chat', 'CHAT', 'Chat'),
        fc.constantFrom('/', '//', '%2F'),
        fc.constantFrom('completions', 'Completions'),
        fc.constantFrom('', '/', '%2F', '//', ';v=1', ';/'),
      )
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(spelled, (path) => {
        expect(readOperation(path)).toMatchObject({ operation: 'chat', path: '/chat/completions' });
      }),
    );
  });

  test.each([
    ['/openai/deployments/gpt-4o/chat/completions', 'chat', '/chat/completions', 'gpt-4o'],
    ['/deployments/GPT-4o/Embeddings/', 'embeddings', '/embeddings', 'GPT-4o'],
    ['/engines/org%2Fmodel/completions', 'completions', '/completions', 'org/model'],
    ['/v1/engines/a/b/chat/completions', 'chat', '/chat/completions', 'a/b'],
    ['/deployments/whisper/audio/transcriptions', 'audio', '/audio/transcriptions', 'whisper'],
  ])('%s names its model', (path, operation, sent, model) => {
    expect(readOperation(path)).toMatchObject({ operation, path: sent, model });
  });

  test.each([
    '/chat/completions%20',
    '/chat/completions%3Bx',
    '/chat/completions.',
    '/generate',
    '/files/a%2Fb%2Fc/x',
    '/',
  ])('is not known where no API has it: %s', (path) =>
    expect(readOperation(path)).toMatchObject({ operation: 'other', path, keys: {} }),
  );

  test('has one spelling for objects too, whose names keep their case', () => {
    expect(readOperation('//Files/File-Ab/Content')).toMatchObject({
      path: '/files/File-Ab/content',
      keys: { GET: 'files' },
    });
  });

  test('may be a stream by its path alone', () => {
    expect(readOperation('/chat/completions/stream')).toMatchObject({
      operation: 'chat',
      path: '/chat/completions',
      isStreamForced: true,
    });
  });
});

test('the name of a model in a path may hold slashes, plain or escaped', () => {
  expect(modelInPath('/models/openai/gpt-4.1')).toBe('openai/gpt-4.1');
  expect(modelInPath('/models/openai%2Fgpt-4.1')).toBe('openai/gpt-4.1');
  expect(modelInPath('/models/ft%3Agpt-4')).toBe('ft:gpt-4');
  expect(modelInPath('/models/%FF')).toBe('%FF');
  expect(modelInPath('/models')).toBeUndefined();
});
