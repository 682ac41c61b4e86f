/** Letters and marks that belong to no script in particular, digits and punctuation. */
const SHARED = /[\p{Script=Common}\p{Script=Inherited}]/gu;

/** What one word may be written in: each alphabet by itself, and those that are written together (UTS 39, 5.2). */
const ALPHABETS = [
  /^\p{Script=Latin}*$/u,
  /^\p{Script=Cyrillic}*$/u,
  /^\p{Script=Greek}*$/u,
  /^[\p{Script=Latin}\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]*$/u,
  /^[\p{Script=Latin}\p{Script=Han}\p{Script=Hangul}]*$/u,
  /^[\p{Script=Latin}\p{Script=Han}\p{Script=Bopomofo}]*$/u,
  // Any other alphabet by itself, whichever it is.
  /^[^\p{Script=Latin}\p{Script=Cyrillic}\p{Script=Greek}]*$/u,
];

/** Whether all letters of the word belong to one alphabet. */
export function isOfOneScript(word: string): boolean {
  const letters = word.replace(SHARED, '');
  return letters === '' || ALPHABETS.some((alphabet) => alphabet.test(letters));
}
