/** The hooks of a transaction by short names, and what plugins on them do. */
export const READ_REQUEST = 'TS_HTTP_READ_REQUEST_HDR_HOOK'
export const SEND_REQUEST = 'TS_HTTP_SEND_REQUEST_HDR_HOOK'
export const READ_RESPONSE = 'TS_HTTP_READ_RESPONSE_HDR_HOOK'
export const SEND_RESPONSE = 'TS_HTTP_SEND_RESPONSE_HDR_HOOK'
export const TXN_CLOSE = 'TS_HTTP_TXN_CLOSE_HOOK'
export const HOOKS = [READ_REQUEST, SEND_REQUEST, READ_RESPONSE, SEND_RESPONSE] as const

export const nothing = (): void => {}
export const yes = ({ reenable }: { readonly reenable: () => unknown }): unknown => reenable()
export const later = (fn: () => unknown): unknown => setTimeout(fn, 20)
export const slowly = ({ reenable }: { readonly reenable: () => unknown }): unknown => later(reenable)
