/** Small functions on texts. */

/** The words of a text, for tables that would have a line for each word. */
export const words = (text: string): string[] => text.trim().split(/\s+/)

export const wordSet = (text: string): ReadonlySet<string> => new Set(words(text))

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Makes text harmless in HTML, in values of attributes too. */
export const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, c => ENTITIES[c] ?? '')

/** The user and the password in a URL. Up to the last `@`, because a password may contain one. */
const CREDENTIALS = /(:\/\/).*@/s
/** The same where the slashes are missing, which parsers of URLs forgive, or turned. */
const MISTYPED = /[^\s=,]*(?::|\/\/|\\\\)\S*@/

/** A text as it is, but for what may be the user and the password of a URL. */
export const withoutCredentials = (text: string): string =>
  CREDENTIALS.test(text) ? text.replace(CREDENTIALS, '$1***@') : text.replace(MISTYPED, '***@')
