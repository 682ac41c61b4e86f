const PLAIN_JSON = /^application\/json\s*(?:;\s*charset="?utf-8"?\s*)?$/i;

/** True for the media type of JSON that no reader takes for a form, or decodes in another way than as UTF-8. */
export function isPlainJson(contentType: string): boolean {
  return PLAIN_JSON.test(contentType.trim());
}

/** True for a form with parts, whatever stands behind its media type. */
export function isFormType(contentType: string): boolean {
  return /^\s*multipart\/form-data\s*(?:;|$)/i.test(contentType);
}
