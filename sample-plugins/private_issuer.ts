/**
 * Accepts what authorities of one's own have issued, for some hosts, though the proxy does not trust them. It shows how
 * a plugin overrules the built-in check, and how little of it: a chain that leads nowhere the proxy knows, nothing else.
 *
 *     private_issuer.so ca=/etc/portcullis/own-ca.pem hosts=internal.example
 *
 * - `ca=`: a PEM file with the certificates of the authorities; a relative path begins in the folder of the configuration.
 * - `hosts=`: host suffixes with commas between: `internal.example` means that host and all below it.
 *
 * Plugins see a failed check with `…verify.server.override INT 1` or `…policy STRING PERMISSIVE` only.
 */
import type { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { Certificate, OptionsOf, OptionsSchema, PluginInit } from 'portcullis/plugin'

export const optionsSchema = {
  type: 'object',
  properties: {
    ca: { type: 'string', format: 'path' },
    hosts: { type: 'array', items: { type: 'string' }, minItems: 1 },
  },
  required: ['ca', 'hosts'],
} as const satisfies OptionsSchema

/** The errors that mean: the chain is valid so far, but its issuer is unknown. */
const UNKNOWN_ISSUER: readonly string[] = [
  'X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN',
  'X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]

const init: PluginInit<OptionsOf<typeof optionsSchema>> = async ({
  options,
  hookAdd,
  accept,
  reject,
  note,
  readCertificates,
}) => {
  const authorities = readCertificates(await readFile(options.ca, 'utf8')) // a file that cannot be read stops the start
  if (authorities.length === 0) throw new Error(`no certificate in ${options.ca}`)

  hookAdd('TS_SSL_CERT_VERIFY_HOOK', ({ host, chain, builtIn, checks, reenable }) => {
    if (builtIn.name === 'X509_V_OK') return reenable(accept())
    const isOurs = options.hosts.some(suffix => host === suffix || host.endsWith(`.${suffix}`))
    const isOnlyUnknown = checks.name.ok && UNKNOWN_ISSUER.includes(checks.signature.name)
    if (!isOurs || !isOnlyUnknown || !leadsTo(authorities, chain)) {
      return reenable(reject(builtIn.name, builtIn.message))
    }
    note(`${host} is accepted: ${chain[0]?.subject} is issued by an authority of our own`)
    return reenable(accept())
  })
}
export default init

/** A name proves nothing: every certificate on the way has to be signed with the key of the next. */
function leadsTo(authorities: readonly X509Certificate[], chain: readonly Certificate[]): boolean {
  for (const [i, { x509 }] of chain.entries()) {
    if (!isInTime(x509) || (i > 0 && !x509.ca)) return false
    if (authorities.some(authority => isInTime(authority) && isIssuedBy(x509, authority))) return true
    const next = chain[i + 1]
    if (next === undefined || !isIssuedBy(x509, next.x509)) return false
  }
  return false
}

function isIssuedBy(cert: X509Certificate, issuer: X509Certificate): boolean {
  return issuer.ca && cert.checkIssued(issuer) && cert.verify(issuer.publicKey)
}

function isInTime({ validFrom, validTo }: X509Certificate): boolean {
  return Date.parse(validFrom) <= Date.now() && Date.now() <= Date.parse(validTo)
}
