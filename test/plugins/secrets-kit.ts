/** What the tests of secrets.js share: a secret, its host, and requests on their way through the hooks. */
import { certificatesOf, makeChain } from '../../core/testing/kit.js'
import { spkiOf } from '../../plugins/certificates/fingerprints.js'
import { atExit } from '../kit/at-end.js'
import { makeTempDir } from '../kit/temp-dir.js'
import { openPlugins } from './kit.js'

export const dir = makeTempDir()
atExit(dir.remove)
export const SECRET = 'sk-live-4f9aK2mQ/x+R7&tB'
export const PLACEHOLDER = 'PLACEHOLDER_github_1'
process.env['SECRETS_TEST_KEY'] = SECRET
export const host = 'api.example'
export const chain = await makeChain({ names: [host] }, { subject: '/CN=Issuer' })
export const [leaf, issuer] = certificatesOf(chain).map(spkiOf)
export const URL = `https://${host}/v1/things`

let files = 0
export const secretsFile = (text: string): string => dir.file(`secrets-${++files}.yaml`, text)
export const one = (more = ''): string =>
  `secrets:\n- {name: github, placeholder: ${PLACEHOLDER}, env: SECRETS_TEST_KEY, host: ${host}${more}}\n`

export type Origin = { readonly builtIn?: 'X509_V_ERR_CERT_HAS_EXPIRED' | 'X509_V_ERR_HOSTNAME_MISMATCH' }
export interface Asked {
  readonly url?: string
  readonly fields?: Readonly<Record<string, string>>
  readonly origin?: Origin
  readonly method?: string
}

/** A request on its way through the hooks, up to the one where it leaves. */
export async function opened(t: Parameters<typeof openPlugins>[0], text: string) {
  const file = secretsFile(text)
  const kit = await openPlugins(t, `secrets file=${file}`)
  const ask = async ({ url = URL, fields = {}, origin = {}, method = 'GET' }: Asked) => {
    const isSecure = url.startsWith('https:')
    const txn = kit.transaction({ method, url, ...(isSecure ? { origin: { chain, ...origin } } : {}) })
    const read = await (await txn.readRequest(fields)).ended()
    if (read.kind !== 'accepted') return { txn, why: read.detail, sent: undefined }
    const sent = await txn.sendRequest(fields)
    return { txn, why: (await sent.ended()).detail, sent }
  }
  return { file, kit, ask }
}

export const bearer = { Authorization: `Bearer ${PLACEHOLDER}` }
