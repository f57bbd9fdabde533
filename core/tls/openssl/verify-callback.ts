/**
 * The C callbacks about certificates. OpenSSL calls them within SSL_do_handshake when the peer's Certificate message has
 * arrived; the one for origins again each time the handshake is continued while it is parked. An exception must not
 * reach C: it means reject.
 */
import { listsEnd, wrongPoint } from './crl.js'
import { GOOD, X509_V_ERR_UNSPECIFIED } from './errors.js'
import { SSL_get_session } from './inbound-library.js'
import * as ssl from './library.js'
import { type Handle, NULL, registerVerifyCallback } from './library.js'
import { keyOutcome } from './path-limits.js'
import { stampVerified } from './session-age.js'
import { itemsOfStack } from './x509.js'

/** The answer to OpenSSL: 1 continues (after SSL_set_retry_verify: parks), 0 rejects. */
export type VerifyAnswer = 0 | 1

/** An outbound engine, as the callback sees it. */
export interface VerifySubject {
  /** @param store the X509_STORE_CTX, valid during the call */
  onVerify(store: Handle): VerifyAnswer
}

/** Outbound engines by their `SSL*`. */
export const verifySubjects = new Map<Handle, VerifySubject>()

let origins: bigint | undefined
let clients: bigint | undefined
let index: number | undefined

/** The callback about certificates of origins: asks the engine. */
export function originVerifyCallback(): bigint {
  origins ??= registerVerifyCallback(contained(verifyOrigin))
  return origins
}

/**
 * The callback about certificates of clients: OpenSSL's check, then what it does not compare of revocation lists, and the key
 * sizes, which it rounds. The session keeps the end of the verified path, which exists in this call only.
 */
export function clientVerifyCallback(): bigint {
  clients ??= registerVerifyCallback(contained(verifyClient))
  return clients
}

const contained =
  (verify: (store: Handle) => VerifyAnswer) =>
  (store: Handle): VerifyAnswer => {
    try {
      return verify(store)
    } catch {
      return reject(store)
    }
  }

function reject(store: Handle): 0 {
  if (store !== NULL) ssl.X509_STORE_CTX_set_error(store, X509_V_ERR_UNSPECIFIED)
  return 0
}

/** The `SSL*` whose handshake calls. */
function sslOf(store: Handle): Handle {
  index ??= ssl.SSL_get_ex_data_X509_STORE_CTX_idx()
  return ssl.X509_STORE_CTX_get_ex_data(store, index)
}

function verifyOrigin(store: Handle): VerifyAnswer {
  const subject = verifySubjects.get(sslOf(store))
  return subject === undefined ? reject(store) : subject.onVerify(store)
}

function verifyClient(store: Handle): VerifyAnswer {
  if (ssl.X509_verify_cert(store) !== 1) return 0
  const path = itemsOfStack(ssl.X509_STORE_CTX_get0_chain(store))
  const trust = ssl.X509_STORE_CTX_get0_store(store)
  const outcome = wrongPoint(trust, path) ?? keyOutcome(path)
  if (outcome === GOOD) {
    const handle = sslOf(store)
    if (handle === NULL) return reject(store)
    stampVerified(SSL_get_session(handle), path, listsEnd(trust))
    return 1
  }
  ssl.X509_STORE_CTX_set_error_depth(store, outcome.depth)
  ssl.X509_STORE_CTX_set_error(store, outcome.code)
  return 0
}
