const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPENING = new Set([0x7b, 0x5b]);
const CLOSING = new Set([0x7d, 0x5d]);

/** Follows the text of a JSON object that comes in pieces, to know when it is whole. Looks at each character once. */
export class JsonProgress {
  private depth = 0;
  private isInString = false;
  private isEscaped = false;
  /** Nothing but spaces has come. */
  isBlank = true;
  isWhole = false;

  feed(text: string): void {
    if (this.isBlank && text.trim() !== '') this.isBlank = false;
    for (let i = 0; i < text.length; i++) this.take(text.charCodeAt(i));
  }

  private take(code: number): void {
    if (this.isEscaped) this.isEscaped = false;
    else if (this.isInString) {
      if (code === BACKSLASH) this.isEscaped = true;
      else if (code === QUOTE) this.isInString = false;
    } else if (code === QUOTE) this.isInString = true;
    else if (OPENING.has(code)) this.depth++;
    else if (CLOSING.has(code)) this.isWhole = --this.depth === 0;
  }
}
