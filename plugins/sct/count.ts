import { verify } from 'node:crypto'
import type { Certificate } from 'portcullis/plugin'
import type { Sct } from 'portcullis/x509'
import type { Log, Logs } from './log-list.js'
import { stampedOf } from './stamped.js'
import { uint, vector } from './vector.js'

/** A log has signed the certificate itself (RFC 6962 section 3.2). */
const X509_ENTRY = 0

/** Clocks differ; a timestamp that lies further ahead does not count. Milliseconds. */
const SKEW = 300_000

const SHA256 = 4
const KEY_TYPES: Readonly<Record<number, string>> = { 1: 'rsa', 3: 'ec' }

/** What the timestamps of a chain prove. */
export interface Counted {
  /** Logs with a good timestamp. */
  readonly logs: readonly Log[]
  /** Why the others do not count, for people. */
  readonly others: readonly string[]
}

/**
 * Counts the logs that have promised to publish a certificate.
 * @param issuer the certificate behind it in the built chain: embedded timestamps are about its key
 * @param delivered timestamps from a stapled response, or from the handshake
 * @throws what makes the certificate, or a list of timestamps, unreadable
 */
export function countLogs(
  leaf: Certificate,
  issuer: Certificate | undefined,
  delivered: readonly Sct[],
  known: Logs,
): Counted {
  const { scts, entry } = stampedOf(leaf, issuer)
  const logs = new Set<Log>()
  const others: string[] = []
  const notAfter = Date.parse(leaf.x509.validTo)
  const look = (sct: Sct, entry: () => Buffer): void => {
    const id = sct.logId.toString('base64')
    const log = known.get(id)
    const why =
      log === undefined
        ? `log ${id || 'of another version'} is not on the list`
        : (whyNot(sct, log, notAfter) ?? (isSigned(sct, log, entry()) ? undefined : 'the signature is wrong'))
    if (log !== undefined && why === undefined) logs.add(log)
    else others.push(log === undefined ? `${why}` : `${log.name}: ${why}`)
  }
  if (entry !== undefined) for (const sct of scts) look(sct, () => entry)
  else if (scts.length > 0) others.push('the issuer of the leaf is not in the chain')
  for (const sct of delivered) look(sct, () => Buffer.concat([uint(X509_ENTRY, 2), vector(leaf.der, 3)]))
  return { logs: [...logs], others }
}

function whyNot({ timestamp }: Sct, log: Log, notAfter: number): string | undefined {
  if (timestamp > Date.now() + SKEW) return 'the timestamp lies in the future'
  if (timestamp >= log.until) return 'the log was retired before'
  // A date that cannot be read is NaN, which lies in no range.
  if (!(notAfter >= log.notAfter.from && notAfter < log.notAfter.to))
    return 'the log is for certificates that end at another time'
  return undefined
}

function isSigned(sct: Sct, { key }: Log, entry: Buffer): boolean {
  const { hashAlgorithm, signatureAlgorithm, timestamp, extensions, signature } = sct
  if (hashAlgorithm !== SHA256 || KEY_TYPES[signatureAlgorithm] !== key.asymmetricKeyType) return false
  const time = Buffer.alloc(8)
  time.writeBigUInt64BE(BigInt(timestamp))
  // Version 1, and the type certificate_timestamp.
  const signed = Buffer.concat([uint(0, 1), uint(0, 1), time, entry, vector(extensions, 2)])
  try {
    return verify('sha256', signed, key, signature)
  } catch {
    return false
  }
}
