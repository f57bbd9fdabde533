/**
 * Shows how a plugin follows one request through its hooks: each gets an id, which the origin receives with the request
 * and the client with the response, and which the debug log (tag `request_id`) tells at the end.
 *
 *     request_id.so field=X-Request-Id
 *
 * An id that the client has sent is kept, if it is one. Without `field=` the header field is X-Request-Id.
 */
import { randomUUID } from 'node:crypto'
import type { OptionsOf, OptionsSchema, PluginInit } from 'portcullis/plugin'

// What this plugin keeps on a transaction, under its own name: from the request's coming in to the end of it all.
declare module 'portcullis/plugin' {
  interface TxnArgs {
    request_id: string
  }
}

export const optionsSchema = {
  type: 'object',
  properties: {
    field: {
      type: 'string',
      pattern: '^[A-Za-z0-9-]+$',
      default: 'X-Request-Id',
      description: 'a header field',
    },
  },
} as const satisfies OptionsSchema

/** What a client sends goes into logs: nothing but this is taken over. */
const ID = /^[A-Za-z0-9._-]{1,64}$/

const init: PluginInit<OptionsOf<typeof optionsSchema>> = ({ options, hookAdd, debug }) => {
  const { field } = options

  // A request has come in. It is parked, like everything on these hooks: not to forget is the reenable().
  hookAdd('TS_HTTP_READ_REQUEST_HDR_HOOK', ({ headers, args, reenable }) => {
    const sent = headers.get(field) ?? ''
    args.request_id = ID.test(sent) ? sent : randomUUID()
    headers.set(field, args.request_id) // goes on to the origin
    reenable()
  })

  // A response is about to go to the client: the origin's, or a page of the proxy's own.
  hookAdd('TS_HTTP_SEND_RESPONSE_HDR_HOOK', ({ headers, args, reenable }) => {
    if (args.request_id !== undefined) headers.set(field, args.request_id)
    reenable()
  })

  hookAdd('TS_HTTP_TXN_CLOSE_HOOK', ({ method, url, status, args }) => {
    if (args.request_id !== undefined) debug(`${args.request_id} ${method} ${url} ${status}`)
  })
}
export default init
