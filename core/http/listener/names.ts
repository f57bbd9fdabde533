/** Characters of a name of a user or a group. */
const MAX_NAME = 256

/** No control character, and no line end of Unicode. */
const UNFIT = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u

/** Whether a value that a client has proved can be the name of a user or a group, in rules and logs. */
export const isName = (value: unknown): value is string =>
  typeof value === 'string' && value !== '' && value.length <= MAX_NAME && !UNFIT.test(value)
