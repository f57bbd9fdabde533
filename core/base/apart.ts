/** A copy: a part of a text keeps all of the text in memory, which is long where the part is kept for long. */
export const apart = (text: string): string => Buffer.from(text).toString()
