/** Colours for a terminal that has them. Without, text stays as it is. */
const CODES = { good: 32, bad: 31, wait: 33, dim: 2, bold: 1 } as const

export type Style = keyof typeof CODES | 'plain'
export type Paint = (style: Style, text: string) => string

export const noColours: Paint = (_, text) => text

export const colours: Paint = (style, text) =>
  style === 'plain' || text === '' ? text : `\x1b[${CODES[style]}m${text}\x1b[0m`
