/** What the tests of `revocation` share: an authority, its leaves, and a source of this machine. */
import { createServer, type ServerResponse } from 'node:http'
import type { Kit, Origin, Outcome } from '../../core/testing/kit.js'
import { listMemory } from '../../plugins/revocation/lists.js'
import { responseMemory } from '../../plugins/revocation/responders.js'
import type { Authority } from '../kit/pki.js'
import { makeAuthority } from '../kit/pki.js'
import { issueWith, revocationList } from '../kit/pki-openssl.js'
import { guardServer } from '../kit/tcp-server.js'
import { openPlugins } from './kit.js'

export type Told = Outcome

export const HOST = 'revoked.test'
export const root = await makeAuthority({ name: 'Revocation Root' })

export type Answer = (response: ServerResponse, body: Buffer, url: string) => void

/** A list in DER. */
export function listOf(...args: Parameters<typeof revocationList>): Buffer {
  return derOf(revocationList(...args))
}

export const derOf = (pem: string): Buffer => Buffer.from(pem.replace(/-----[^-]+-----/g, ''), 'base64')

export const sends =
  (bytes: Buffer, type = 'application/pkix-crl'): Answer =>
  response =>
    response.writeHead(200, { 'content-type': type }).end(bytes)

export interface Source {
  readonly url: string
  /** What is answered, by the beginning of the path; other paths get 404. */
  readonly answers: Record<string, Answer>
  /** `GET /list`, in order. */
  readonly asked: string[]
}

interface Teardown {
  teardown(fn: () => unknown): void
}

export async function startSource(t: Teardown, answers: Record<string, Answer> = {}): Promise<Source> {
  const asked: string[] = []
  const server = createServer((request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      const url = request.url ?? ''
      const path = Object.keys(answers).find(one => url.startsWith(one)) ?? ''
      asked.push(`${request.method} ${path === '' ? url : path}`)
      const answer = answers[path]
      if (answer === undefined) response.writeHead(404).end()
      else answer(response, Buffer.concat(parts), url)
    })
  })
  const guard = await guardServer(server)
  t.teardown(guard.stop)
  return { url: `http://127.0.0.1:${guard.port}`, answers, asked }
}

/** The section that points to a list. */
export const withList = (url: string): string => `crlDistributionPoints=URI:${url}`
export const withResponder = (url: string): string => `authorityInfoAccess=OCSP;URI:${url}`

export const SANS = `subjectAltName=DNS:${HOST}\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid`

/** A leaf with its issuer's certificate. @param extensions where its sources are */
export function leafOf(extensions: string, issuer: Authority = root) {
  const made = issueWith(issuer, HOST, `${SANS}\n${extensions}`)
  return { ...made, chain: made.certPem + issuer.certPem }
}

/** Forgets what the plugin keeps beyond a reload. */
function forget(): void {
  listMemory.clear()
  responseMemory.clear()
}

/** How long a verdict may take on a loaded machine, milliseconds. */
const PATIENCE = 60_000

/** Asks about chains. */
export interface Asking {
  readonly kit: Kit
  readonly ask: (chain: string, more?: Partial<Origin>) => Promise<Told>
}

export async function openRevocation(t: Teardown, options = '', isolate = ''): Promise<Asking> {
  forget()
  const kit = await openPlugins(t, `revocation ${isolate} allow_private=true ${options}`)
  return {
    kit,
    ask: async (chain, more = {}) => (await kit.park({ host: HOST, chain, ...more })).ended(PATIENCE),
  }
}

export const hours = (count: number): Date => new Date(Date.now() + count * 3_600_000)
