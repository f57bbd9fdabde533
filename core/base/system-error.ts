/** The `code` of an error of Node or the operating system (`ECONNRESET`, `HPE_INVALID_METHOD`); empty without one. */
export function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string'
    ? error.code
    : ''
}
