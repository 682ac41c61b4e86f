// The entry of a Lambda function whose URL has the invoke mode BUFFERED.
export { handler } from 'turnpike/lambda';
