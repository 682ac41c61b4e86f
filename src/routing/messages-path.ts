/** True for the paths under which clients of Anthropic's Messages API reach it, whatever prefix a service has. */
export function isOfMessagesApi(path: string): boolean {
  return path.endsWith('/v1/messages') || path.includes('/v1/messages/');
}
