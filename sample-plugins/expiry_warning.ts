/**
 * Finds certificates that end soon. It rejects them, unless its line says otherwise. In
 * shadow mode nothing waits for it, and it only causes a line in the log:
 *
 *     expiry_warning.so @mode=shadow days=30
 *
 * - `days=`: how soon; default 30.
 */
import type { OptionsOf, OptionsSchema, PluginInit } from 'portcullis/plugin'

export const optionsSchema = {
  type: 'object',
  properties: { days: { type: 'integer', minimum: 1, default: 30 } },
} as const satisfies OptionsSchema

const DAY = 86_400_000

const init: PluginInit<OptionsOf<typeof optionsSchema>> = ({ options, hookAdd, accept, reject }) => {
  hookAdd('TS_SSL_CERT_VERIFY_HOOK', ({ chain, builtIn, reenable }) => {
    // Issuers count as well: a chain ends with the first of its certificates.
    const ends = Math.min(...chain.map(({ x509 }) => Date.parse(x509.validTo)))
    const left = Math.floor((ends - Date.now()) / DAY)
    if (builtIn.name !== 'X509_V_OK') reenable(reject(builtIn.name, builtIn.message))
    else if (left >= options.days) reenable(accept())
    else reenable(reject('expired', `ends on ${new Date(ends).toISOString().slice(0, 10)}, in ${left} days`))
  })
}
export default init
