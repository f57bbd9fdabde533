/**
 * Hosts that are workloads of SPIFFE: they show an X.509-SVID of their trust domain, which is verified with the bundle of
 * that trust domain and no other authority.
 *
 *     spiffe file=spiffe.yaml
 *
 * What the file says, and what spiffe cannot know: docs/plugins/spiffe.md.
 */
import type { X509Certificate } from 'node:crypto'
import type { BuiltInResult, OptionsOf, PluginInit, Verdict, VerifyServerEvent } from 'portcullis/plugin'
import { alternativeNamesOf } from './certificates/alternative-names.js'
import { WatchedFile } from './files/watched-file.js'
import { fileOptions } from './options/file-options.js'
import { parseBundle } from './spiffe/bundle.js'
import { parseDomains } from './spiffe/domains-file.js'
import { parseSpiffeId } from './spiffe/spiffe-id.js'
import { whyNotSvid } from './spiffe/verify-svid.js'

export const optionsSchema = fileOptions(
  'spiffe.yaml',
  'Trust domains with their bundles, and the hosts that belong to them, YAML.',
)

/** What the built-in check says of a good SVID: its authority is not among the roots, and its name is no host. */
const EXPECTED: ReadonlySet<BuiltInResult['name']> = new Set<BuiltInResult['name']>([
  'X509_V_OK',
  'X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT',
  'X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN',
  'X509_V_ERR_HOSTNAME_MISMATCH',
  'X509_V_ERR_IP_ADDRESS_MISMATCH',
])

type Bundle = WatchedFile<readonly X509Certificate[]>

const init: PluginInit<OptionsOf<typeof optionsSchema>> = async context => {
  const { options, confDir, hookAdd, accept, reject, error, revoke, readCertificates } = context
  const file = new WatchedFile(options.file, text => parseDomains(text, options.file, confDir), context)
  const bundles = new Map<string, Bundle>()
  // An acceptance rests on the authorities of its time.
  const forget = (): void => revoke('all')
  const bundleAt = (path: string): Bundle => {
    const known = bundles.get(path)
    if (known !== undefined) return known
    const made = new WatchedFile(path, text => parseBundle(text, readCertificates), context)
    made.watch(forget)
    bundles.set(path, made)
    return made
  }
  const domains = await file.load()
  for (const path of domains.bundles.values()) await bundleAt(path).load()
  file.watch(forget)

  const judge = async (event: VerifyServerEvent): Promise<Verdict> => {
    const { host, builtIn, checks, chain } = event
    const known = await file.current()
    if (known === undefined) return reject('internal', `${file.name} cannot be used`)
    const rule = known.hosts.find(({ matches }) => matches(host))
    if (rule === undefined)
      return builtIn.name === 'X509_V_OK' ? accept() : reject(builtIn.name, builtIn.message)
    for (const { name, message } of [builtIn, checks.signature, checks.name, checks.rule ?? builtIn])
      if (name !== 'X509_V_OK' && !EXPECTED.has(name)) return reject(name, message)
    const [leaf] = chain
    if (leaf === undefined) return reject('internal', `${host} shows nothing`)
    const { uri: uris } = alternativeNamesOf(leaf)
    const [uri = ''] = uris
    const id = parseSpiffeId(uri)
    if (uris.length !== 1 || id === undefined) return reject('name-mismatch', `${host} shows no SPIFFE ID`)
    if (id.trustDomain !== rule.trustDomain || id.path === '' || rule.isAllowed?.(uri) === false)
      return reject('name-mismatch', `${host} shows ${uri}, which is not its SPIFFE ID`)
    const bundle = bundleAt(known.bundles.get(id.trustDomain) ?? '')
    const authorities = await bundle.current()
    if (authorities === undefined) {
      error(`${bundle.path} cannot be used; hosts of ${id.trustDomain} are rejected`)
      return reject('internal', `the bundle of ${id.trustDomain} cannot be used`)
    }
    const why = whyNotSvid(chain, authorities)
    if (why !== undefined) return reject('untrusted-issuer', `${host} shows ${uri}: ${why}`)
    // SVIDs are valid for hours, and connections could last longer.
    return accept({ expiresIn: Date.parse(leaf.x509.validTo) - Date.now() })
  }

  hookAdd('TS_SSL_CERT_VERIFY_HOOK', async event => event.reenable(await judge(event)), { coalesce: true })
}
export default init
