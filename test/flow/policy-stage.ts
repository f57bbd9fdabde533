/** What Traffic Server's own tests of verification share: two signers, their origins, and names for them. */
import type { Test } from 'tap'
import type { VerifyServerEvent } from '../../core/api/hooks.js'
import { GATE_MODULE, Gate } from '../kit/gate.js'
import { makeAuthority, makeSelfSigned } from '../kit/pki.js'
import { type Policed, type PolicedOptions, policed } from '../kit/policed.js'

/** The authority that the records trust. */
export const signer = await makeAuthority({ name: 'Signer' })
export const signer2 = await makeAuthority({ name: 'Signer 2' })
export const ORIGINS = {
  foo: await signer.issue({ cn: 'foo.com' }),
  bar: await signer.issue({ cn: 'bar.com' }),
  bobFoo: await signer.issue({ cn: 'bob.foo.com' }),
  wild: await signer.issue({ cn: '*.wild.com' }),
  foo2: await signer2.issue({ cn: 'foo.com' }),
  self: await makeSelfSigned({ cn: 'self' }),
}
export const HOSTS = [
  ...['foo.com', 'bar.com', 'bad_bar.com', 'bad_foo.com', 'random.com', 'random2.com', 'random3.com'],
  ...['foo.wild.com', 'foo_bar.wild.com', 'bob.bar.com', 'bob.foo.com', 'random.bar.com', 'my.random.com'],
  ...['random4.com', 'a.b.wild.com'],
]
export const POLICY = 'proxy.config.ssl.client.verify.server.policy'
export const PROPERTIES = 'proxy.config.ssl.client.verify.server.properties'

/** For a reload; a stage has it anyway. */
export const BASE = { hosts: HOSTS, ca: signer.certPem }

export const stage = (t: Test, options: Partial<PolicedOptions>): Promise<Policed> =>
  policed(t, { ...BASE, origins: ORIGINS, ...options })

/** Asks and checks: 200, or the page. */
export async function expects<Word extends string = keyof typeof ORIGINS>(
  t: Test,
  { ask }: Policed,
  rows: readonly (readonly [origin: Word, host: string, status: 200 | 502])[],
): Promise<void> {
  for (const [origin, host, status] of rows) {
    t.equal((await ask(origin, host)).status, status, `${host} at ${origin}: ${status}`)
  }
}

const APPROVE = (event: VerifyServerEvent): void => void event.reenable()

/** A plugin, as an option of the stage. */
export function gate(
  t: Test,
  answer = APPROVE,
): { gate: Gate; plugins: string[]; modules: typeof GATE_MODULE } {
  const made = new Gate(answer)
  t.teardown(() => made.stop())
  return { gate: made, plugins: [made.line], modules: GATE_MODULE }
}
