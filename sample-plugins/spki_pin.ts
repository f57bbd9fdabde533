/**
 * Pins keys: some hosts have to show a chain that holds one of the keys named here. It shows how a plugin takes options
 * that are checked before it starts.
 *
 *     spki_pin.so hosts=pay.example,login.example pins=e3b0...=,rL9s...=
 *
 * - `hosts=`: the hosts, with commas between. Others are none of its business.
 * - `pins=`: SHA-256 of a public key (SubjectPublicKeyInfo) in base64. The key, not the certificate: a renewal with the
 *   same key passes. `openssl x509 -in CERT -pubkey -noout | openssl pkey -pubin -outform der | openssl dgst -sha256
 *   -binary | base64` writes one.
 */
import { createHash } from 'node:crypto'
import type { Certificate, OptionsOf, OptionsSchema, PluginInit } from 'portcullis/plugin'

// What the line may say. Anything else stops the start, with the line and the key in the message.
export const optionsSchema = {
  type: 'object',
  properties: {
    hosts: { type: 'array', items: { type: 'string' }, minItems: 1 },
    pins: { type: 'array', items: { type: 'string', pattern: '^[A-Za-z0-9+/]{43}=$' }, minItems: 1 },
  },
  required: ['hosts', 'pins'],
} as const satisfies OptionsSchema

const init: PluginInit<OptionsOf<typeof optionsSchema>> = ({ options, hookAdd, accept, reject }) => {
  const hosts = new Set(options.hosts.map(host => host.toLowerCase()))
  const pins = new Set(options.pins)

  hookAdd('TS_SSL_CERT_VERIFY_HOOK', ({ host, builtIn, checks, builtChain, reenable }) => {
    if (builtIn.name !== 'X509_V_OK') reenable(reject(builtIn.name, builtIn.message))
    // The chain that was built: an attacker can append a certificate with the right key to the chain that was sent. Its
    // signatures have to hold, whatever the records tolerate: without them any certificate can stand in it.
    else if (
      !hosts.has(host.toLowerCase()) ||
      (checks.signature.ok && builtChain.some(cert => pins.has(pinOf(cert))))
    )
      reenable(accept())
    else reenable(reject('untrusted-issuer', `${host} shows none of its pinned keys`))
  })
}
export default init

function pinOf({ x509 }: Certificate): string {
  return createHash('sha256')
    .update(x509.publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64')
}
