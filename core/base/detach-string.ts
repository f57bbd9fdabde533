/** A copy: a part of a text keeps all of the text in memory, which is long where the part is kept for long. */
export const detachString = (text: string): string => Buffer.from(text).toString()
