import { propertyOf } from './thrown.js'

/** The `code` of an error of Node or the operating system (`ECONNRESET`, `HPE_INVALID_METHOD`); empty without one. */
export function codeOf(error: unknown): string {
  const code = propertyOf(error, 'code')
  return typeof code === 'string' ? code : ''
}
