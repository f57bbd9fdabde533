/** A proxy that bumps, with an authority of its own. */
import type { Test } from 'tap'
import { type AuthorityFiles, createAuthority } from '../../core/tls/inbound/authority.js'
import { type Connecting, type ConnectingOptions, startConnecting } from './connecting.js'
import { makeTempDir } from './temp-dir.js'

export const BUMP = { 'proxy.config.http.connect.verify': 'bump' } as const

const authority: Promise<AuthorityFiles> = createAuthority('Bump CA')

/** The authority's files, as a folder of the configuration has them. */
export async function bumpFiles(): Promise<{
  readonly 'bump-ca.pem': string
  readonly 'bump-ca.key': string
}> {
  const { certPem, keyPem } = await authority
  return { 'bump-ca.pem': certPem, 'bump-ca.key': keyPem }
}

export interface Bumping extends Connecting {
  /** The real curl, trusting the proxy's authority. */
  readonly browse: Connecting['curl']
  /** The authority's certificate, PEM. */
  readonly trusted: string
}

export async function startBumping(
  t: Test,
  { records, files, ...rest }: ConnectingOptions,
): Promise<Bumping> {
  const dir = makeTempDir()
  t.teardown(dir.remove)
  const own = await bumpFiles()
  const certPem = own['bump-ca.pem']
  const file = dir.file('bump-ca.pem', certPem)
  const stage = await startConnecting(t, {
    ...rest,
    files: { ...own, ...files },
    records: { ...BUMP, ...records },
  })
  return { ...stage, trusted: certPem, browse: (...args) => stage.curl('--cacert', file, ...args) }
}
