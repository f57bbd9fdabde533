import { constants, createVerify, type KeyObject, verify } from 'node:crypto'
import { setImmediate as turn } from 'node:timers/promises'
import { AsnConvert } from '@peculiar/asn1-schema'
import { AlgorithmIdentifier } from '@peculiar/asn1-x509'
import { NoAnswer } from './no-answer.js'

interface Algorithm {
  /** By Node's names of kinds of keys. */
  readonly keys: readonly string[]
  /** Null: the algorithm has its own. Of RSASSA-PSS each of several is tried: its parameters name one. */
  readonly digests: readonly (string | null)[]
}

const rsa = (digest: string): Algorithm => ({ keys: ['rsa'], digests: [digest] })
const ecdsa = (digest: string): Algorithm => ({ keys: ['ec'], digests: [digest] })
const PSS = '1.2.840.113549.1.1.10'

/** As for certificates: none with a digest that can be forged. */
const ALGORITHMS: Readonly<Record<string, Algorithm>> = {
  '1.2.840.113549.1.1.11': rsa('sha256'),
  '1.2.840.113549.1.1.12': rsa('sha384'),
  '1.2.840.113549.1.1.13': rsa('sha512'),
  '1.2.840.10045.4.3.2': ecdsa('sha256'),
  '1.2.840.10045.4.3.3': ecdsa('sha384'),
  '1.2.840.10045.4.3.4': ecdsa('sha512'),
  [PSS]: { keys: ['rsa', 'rsa-pss'], digests: ['sha256', 'sha384', 'sha512'] },
  '1.3.101.112': { keys: ['ed25519'], digests: [null] },
  '1.3.101.113': { keys: ['ed448'], digests: [null] },
}

/** Something that is signed. */
export interface Signed {
  /** OID of the algorithm. */
  readonly algorithm: string
  /** The bytes that are signed. */
  readonly tbs: Buffer
  readonly signature: Buffer
}

/** @throws {NoAnswer} for an AlgorithmIdentifier, DER, that cannot be read */
export function algorithmIn(der: Buffer): string {
  try {
    return AsnConvert.parse(der, AlgorithmIdentifier).algorithm
  } catch {
    throw new NoAnswer('the algorithm of its signature cannot be read')
  }
}

/** More than this is not copied for a thread, which holds the event loop for longer than hashing a part of it. */
const LARGE = 1_048_576

/**
 * Demands that the signature is of this key. It is computed by a thread of Node's pool; a large text is hashed in parts,
 * between which the event loop goes on.
 * @throws {NoAnswer} if it is not
 */
export async function demandSignature({ algorithm, tbs, signature }: Signed, key: KeyObject): Promise<void> {
  const known = ALGORITHMS[algorithm]
  if (known === undefined)
    throw new NoAnswer(`it is signed with ${algorithm}, which is weak or not supported`)
  if (!known.keys.includes(key.asymmetricKeyType ?? '')) throw notSigned()
  const isPss = algorithm === PSS
  const padding = isPss ? { padding: constants.RSA_PKCS1_PSS_PADDING } : {}
  for (const digest of known.digests)
    if (await isGood(digest, tbs, { key, ...padding, dsaEncoding: 'der' }, signature)) return
  throw notSigned()
}

const notSigned = (): NoAnswer => new NoAnswer('it is not signed with the key of the issuer')

type VerifyKey = Exclude<Parameters<typeof verify>[2], string | Buffer | KeyObject>

async function isGood(
  digest: string | null,
  tbs: Buffer,
  key: VerifyKey,
  signature: Buffer,
): Promise<boolean> {
  try {
    if (digest !== null && tbs.length > LARGE) return await isGoodInParts(digest, tbs, key, signature)
    return await new Promise(resolve =>
      verify(digest, tbs, key, signature, (cause, is) => resolve(cause === null && is)),
    )
  } catch {
    return false
  }
}

async function isGoodInParts(digest: string, tbs: Buffer, key: VerifyKey, signature: Buffer) {
  const verifier = createVerify(digest)
  for (let at = 0; at < tbs.length; at += LARGE) {
    await turn()
    verifier.update(tbs.subarray(at, at + LARGE))
  }
  return verifier.verify(key, signature)
}
