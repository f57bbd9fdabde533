/**
 * Asks a web service about every origin, and follows its answer. It shows how a plugin waits: the handshake is
 * parked until the answer arrives, and when its client leaves, the question ends as well.
 *
 *     ask_service.so @deadline=2000 url=http://127.0.0.1:9000/check cache_ms=60000
 *
 * - `url=`: gets a POST with JSON: `host`, `port`, and the `chain` in PEM, leaf first. It answers with status 200 and
 *   `{"ok": true}`, or `{"ok": false, "why": "…"}`. Anything else rejects: a service that is down accepts no origin.
 * - `cache_ms=`: how long a yes holds for the same host and chain; default 0, every handshake is asked about.
 */
import type { OptionsOf, OptionsSchema, PluginInit, Verdict, VerifyServerEvent } from 'portcullis/plugin'

export const optionsSchema = {
  type: 'object',
  properties: {
    url: { type: 'string', pattern: '^https?://' },
    cache_ms: { type: 'integer', minimum: 0, default: 0 },
  },
  required: ['url'],
} as const satisfies OptionsSchema

const init: PluginInit<OptionsOf<typeof optionsSchema>> = ({ options, hookAdd, accept, reject }) => {
  const ask = async ({ host, port, chain, signal }: VerifyServerEvent): Promise<Verdict> => {
    const response = await fetch(options.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ host, port, chain: chain.map(({ pem }) => pem) }),
      redirect: 'error',
      signal, // aborts when no handshake waits for the answer any more
    })
    if (response.status !== 200)
      return reject('internal', `the service answers with status ${response.status}`)
    const answer: unknown = await response.json()
    const { ok, why } = (answer ?? {}) as { ok?: unknown; why?: unknown }
    if (ok === true) return accept({ cacheFor: options.cache_ms })
    return reject('policy', typeof why === 'string' ? why : 'the service says no')
  }

  hookAdd(
    'TS_SSL_CERT_VERIFY_HOOK',
    async event => {
      const { builtIn, reenable } = event
      if (builtIn.name !== 'X509_V_OK') reenable(reject(builtIn.name, builtIn.message))
      else reenable(await ask(event)) // what it throws, a broken connection say, rejects the handshake
    },
    { coalesce: true }, // a hundred handshakes that show the same at the same time are one question
  )
}
export default init
