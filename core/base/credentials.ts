/** Of a URL: the user and the password. Up to the last `@`, because a password may contain one. */
const CREDENTIALS = /(:\/\/).*@/s

/** A text as it is, but for the user and the password of a URL. */
export const withoutCredentials = (text: string): string => text.replace(CREDENTIALS, '$1***@')
