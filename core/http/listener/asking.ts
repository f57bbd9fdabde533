import type { Asking, AskingTransaction } from '../../api/asking.js'
import { authorityText } from '../../base/authority.js'
import type { ClientRequest } from './client-request.js'

/** The client and the transaction that ask for an origin, for plugins. */
export function askingOf(req: ClientRequest, transaction: AskingTransaction): Asking {
  const { remoteAddress = '', localAddress = '', localPort = 0, certificate } = req.client
  const client = Object.freeze({
    address: remoteAddress,
    port: authorityText(localAddress, localPort),
    user: req.user,
    subject: certificate?.subject,
  })
  return { client, transaction: Object.freeze(transaction) }
}
