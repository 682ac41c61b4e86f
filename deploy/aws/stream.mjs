// The entry of a Lambda function whose URL has the invoke mode RESPONSE_STREAM. The runtime provides `awslambda`.
import { streamAnswer } from 'turnpike/lambda';

const { HttpResponseStream, streamifyResponse } = globalThis.awslambda;

export const handler = streamifyResponse((event, stream) => streamAnswer(event, stream, HttpResponseStream));
