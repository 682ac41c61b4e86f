// The entry of the Lambda function: one of the two, by the invoke mode of its URL.
import { handler as whole, streamAnswer } from 'turnpike/lambda';

const streams = globalThis.awslambda;

export const handler =
  process.env.TURNPIKE_STREAM === 'true' && streams !== undefined
    ? streams.streamifyResponse((event, stream) => streamAnswer(event, stream, streams.HttpResponseStream))
    : whole;
