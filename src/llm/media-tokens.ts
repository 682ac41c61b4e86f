type Part = Readonly<Record<string, unknown>>;

/** What a picture of full size takes with most models. */
export const TOKENS_PER_IMAGE = 1_600;
/** A page of text is about 50 kB of PDF and 800 tokens. */
const PDF_BYTES_PER_TOKEN = 64;
/** Compressed speech has about 4 kB a second, and a second is ten tokens. */
const AUDIO_BYTES_PER_TOKEN = 400;
const BYTES_PER_TOKEN = 4;
/** Shorter values are not worth a look. */
const LEAST_BYTES = 256;
const DEEPEST = 8;
const DATA_URL = /^data:([a-z]+\/[a-z0-9.+-]+)?[;,]/i;

/** Bytes of base64 among the prompt, which are no text, and the tokens that they are worth. */
interface MediaEstimate {
  bytes: number;
  tokens: number;
}

/**
 * Finds pictures, sounds and documents in the parts of a prompt, in the words of OpenAI (`image_url`, `input_image`,
 * `input_audio`, `file`) and of Anthropic (`source`). What says of itself that it is text is counted as text.
 */
export function estimateMedia(
  prompt: unknown,
  found: MediaEstimate = { bytes: 0, tokens: 0 },
  depth = 0,
): MediaEstimate {
  if (typeof prompt !== 'object' || prompt === null || depth > DEEPEST) return found;
  if (Array.isArray(prompt)) {
    for (const item of prompt) if (typeof item === 'object') estimateMedia(item, found, depth + 1);
    return found;
  }
  const part = prompt as Part;
  const { type } = part;
  const media = typeof type === 'string' ? mediaOf(part, type) : undefined;
  if (media) addMedia(media, found);
  else for (const key of NESTED) if (part[key] !== undefined) estimateMedia(part[key], found, depth + 1);
  return found;
}

const NESTED = ['content', 'output', 'parts', 'results'];

interface Media {
  readonly kind: string;
  /** Base64 or a data URL; empty for what stands elsewhere. */
  readonly data: string;
}

function mediaOf(part: Part, type: string): Media | undefined {
  if (type === 'image_url' || type === 'input_image') {
    const url = textIn(part['image_url'], 'url');
    return { kind: 'image', data: url.startsWith('data:') ? url : '' };
  }
  if (type === 'input_audio') return { kind: 'audio', data: textIn(part['input_audio'], 'data') };
  if (type === 'file' || type === 'input_file') return ofUrl(textIn(part['file'] ?? part, 'file_data'));
  if (type !== 'image' && type !== 'document') return undefined;
  const source = part['source'];
  const kind = textIn(source, 'media_type') || 'image/any';
  return { kind: type === 'image' ? 'image' : kind, data: textIn(source, 'data') };
}

function ofUrl(data: string): Media {
  return { kind: DATA_URL.exec(data)?.[1]?.toLowerCase() ?? 'application/pdf', data };
}

function addMedia({ kind, data }: Media, found: MediaEstimate): void {
  if (kind.startsWith('image')) found.tokens += TOKENS_PER_IMAGE;
  if (data.length < LEAST_BYTES || kind.startsWith('text/')) return;
  const bytes = Math.floor((data.length * 3) / 4);
  found.bytes += data.length;
  if (kind.startsWith('audio')) found.tokens += Math.ceil(bytes / AUDIO_BYTES_PER_TOKEN);
  else if (kind === 'application/pdf') found.tokens += Math.ceil(bytes / PDF_BYTES_PER_TOKEN);
  else if (!kind.startsWith('image')) found.tokens += Math.ceil(bytes / BYTES_PER_TOKEN);
}

function textIn(value: unknown, key: string): string {
  if (typeof value === 'string') return value;
  if (typeof value !== 'object' || value === null) return '';
  const text = (value as Part)[key];
  return typeof text === 'string' ? text : '';
}
