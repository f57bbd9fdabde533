/**
 * Watches what is asked for, and writes rules from it that can be read and edited.
 *
 *     learn @mode=shadow folder=learned
 *
 * What is written, and what learn cannot know: docs/plugins/learn.md.
 */
import type { OptionsOf, OptionsSchema, PluginInit, VerifyServerEvent } from 'portcullis/plugin'
import { spkiOf } from './certificates/fingerprints.js'
import { Notebook } from './learn/notebook.js'
import type { Sighting } from './learn/observed.js'
import { toReport } from './learn/rules.js'
import { offer } from './managed/offer.js'

export const optionsSchema = {
  type: 'object',
  properties: {
    folder: {
      type: 'string',
      format: 'path',
      default: 'learned',
      description: 'Where it keeps what it has seen, and writes policy.yaml and sni.yaml.',
    },
    clients: {
      type: 'boolean',
      default: true,
      description:
        'Whether it notes which clients ask. Outside of shadow mode each connection then serves one client.',
    },
  },
} as const satisfies OptionsSchema

/** Milliseconds between two writes. */
const PERIOD = 30_000

const init: PluginInit<OptionsOf<typeof optionsSchema>> = async context => {
  const { options, hookAdd, accept, reject, note, error, schedule, signal, state } = context
  const notebook = new Notebook(options.folder)
  await notebook.open()

  const flush = (): Promise<void> =>
    notebook
      .flush()
      .catch(cause =>
        error(`what was seen is not written: ${cause instanceof Error ? cause.message : cause}`),
      )
  const again = async (): Promise<void> => {
    await flush()
    schedule(again, PERIOD)
  }
  schedule(again, PERIOD)

  hookAdd('TS_SSL_CERT_VERIFY_HOOK', event => {
    const { builtIn, reenable } = event
    const sighting = sightingOf(event, options.clients)
    if (sighting !== undefined) notebook.add(sighting)
    reenable(builtIn.name === 'X509_V_OK' ? accept() : reject(builtIn.name, builtIn.message))
  })
  hookAdd('TS_LIFECYCLE_SHUTDOWN_HOOK', flush)
  signal.addEventListener('abort', () => void flush(), { once: true })

  const report = async (): Promise<readonly string[]> => toReport(await notebook.observed())
  offer(context, 'learning', { report, write: () => notebook.writeRules(state) })
  hookAdd('TS_LIFECYCLE_MSG_HOOK', async ({ tag }) => {
    if (tag === 'learn:report') for (const line of await report()) note(line)
    if (tag === 'learn:write') note(`written: ${(await notebook.writeRules(state)).join(', ')}`)
  })
}
export default init

function sightingOf(event: VerifyServerEvent, hasClients: boolean): Sighting | undefined {
  const { host, port, chain, builtIn, checks } = event
  const [leaf] = chain
  if (leaf === undefined) return undefined
  const failed = [builtIn, checks.signature, checks.name].find(({ ok }) => !ok)
  const client = hasClients ? event.client : undefined
  return {
    key: `${host}:${port}`,
    at: Date.now(),
    // What has failed is counted, and no rule is made of it.
    ...(failed === undefined
      ? {
          issuer: leaf.issuer,
          keyType: leaf.x509.publicKey.asymmetricKeyType ?? 'unknown',
          spki: spkiOf(leaf),
        }
      : { issuer: undefined, keyType: undefined, spki: undefined }),
    client: client?.user ?? client?.address,
    failure: failed?.name,
  }
}
