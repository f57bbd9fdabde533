/** What an operator can do where there is no connection to Redis. No decision rests on it. */
import { ErrorReply } from '@redis/client'
import { describe } from '../../base/thrown.js'

const URL_RECORD = 'proxy.config.cluster.redis_url'
const CA_RECORD = 'proxy.config.cluster.redis_ca_file'
const UNKNOWN_AUTHORITY = `${CA_RECORD} names the authorities that its certificate may come from`
const NO_TLS = `no TLS is spoken at that port: write redis:// in ${URL_RECORD}, or the port of its TLS`

/** By the code of Node or OpenSSL: what to look at. */
const BY_CODE: ReadonlyMap<string, string> = new Map(
  Object.entries({
    UNABLE_TO_GET_ISSUER_CERT: UNKNOWN_AUTHORITY,
    UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNKNOWN_AUTHORITY,
    UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNKNOWN_AUTHORITY,
    SELF_SIGNED_CERT_IN_CHAIN: UNKNOWN_AUTHORITY,
    DEPTH_ZERO_SELF_SIGNED_CERT: UNKNOWN_AUTHORITY,
    CERT_SIGNATURE_FAILURE: UNKNOWN_AUTHORITY,
    CERT_HAS_EXPIRED: 'renew the certificate of Redis',
    CERT_NOT_YET_VALID: 'look at the clocks of this machine and of Redis',
    ERR_TLS_CERT_ALTNAME_INVALID: `write a name of its certificate in ${URL_RECORD}`,
    ERR_SSL_WRONG_VERSION_NUMBER: NO_TLS,
    ERR_SSL_PACKET_LENGTH_TOO_LONG: NO_TLS,
  }),
)

/** By the first word of an error that Redis answers, which is its code. */
const BY_REPLY: ReadonlyMap<string, string> = new Map(
  Object.entries({
    WRONGPASS: `correct user and password in ${URL_RECORD}`,
    NOAUTH: `write user and password in ${URL_RECORD}`,
    NOPERM: 'its user needs the rights that the guide lists for several machines',
  }),
)

/** Why there is no connection, and what to do about it. It may name the URL with its password. */
export function whyLost(cause: unknown): string {
  const remedy = cause instanceof ErrorReply ? BY_REPLY.get(wordOf(cause)) : BY_CODE.get(codeOf(cause))
  return remedy === undefined ? describe(cause) : `${describe(cause)} (${remedy})`
}

const wordOf = ({ message }: ErrorReply): string => /^[A-Z]+/.exec(message)?.[0] ?? ''

const codeOf = (cause: unknown): string => String((cause as { readonly code?: unknown } | undefined)?.code)
