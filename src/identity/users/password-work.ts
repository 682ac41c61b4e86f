/** What crosses the boundary to the threads that hash passwords: plain data, copied. */

export type PasswordQuestion =
  | { readonly kind: 'hash'; readonly password: string }
  | { readonly kind: 'match'; readonly password: string; readonly hash: string };

export type PasswordAnswer = { readonly hash: string } | { readonly matches: boolean } | { readonly failure: string };
