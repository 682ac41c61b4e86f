/** True for an absolute http or https address without user, query or fragment: what a target may be. */
export function isTargetUrl(text: string): boolean {
  if (!/^https?:\/\//i.test(text) || /[\s\\]/.test(text) || !URL.canParse(text)) return false;
  const url = new URL(text);
  return (
    url.hostname !== '' && url.username === '' && url.password === '' && !text.includes('?') && !text.includes('#')
  );
}
