import type { AskingClient, Certificate, VerifyServerEvent } from 'portcullis/plugin'
import { provenPath } from '../certificates/fingerprints.js'

/** What rules are about. */
export interface Facts {
  readonly host: string
  readonly port: number
  readonly now: Date
  /** What the origin has shown; undefined as long as it has shown nothing. */
  readonly shown: { readonly leaf: Certificate; readonly path: readonly Certificate[] } | undefined
  /** Read by rules about clients alone: an acceptance that rests on it is for that client. */
  readonly client: () => AskingClient | undefined
}

/** @throws {Error} for an event without certificates, which no hook gives */
export function factsOf(event: VerifyServerEvent): Facts {
  const [leaf] = event.chain
  if (leaf === undefined) throw new Error('the origin has shown no certificate')
  const { host, port } = event
  const shown = { leaf, path: provenPath(event) }
  return { host, port, now: new Date(), shown, client: () => event.client }
}
