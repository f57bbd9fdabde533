import { setImmediate as turn } from 'node:timers/promises'
import { DerCursor, notDer, TAG, takeTime } from './der-cursor.js'
import { NoAnswer } from './no-answer.js'

/** How long the event loop is held at a time, milliseconds. */
const SLICE = 4
const ENTRIES_BETWEEN_LOOKS = 512
const REASON_CODE = Buffer.from('551d15', 'hex')
const CERTIFICATE_ISSUER = Buffer.from('551d1d', 'hex')
const REMOVE_FROM_CRL = 8

export interface Entry {
  /** Milliseconds since the epoch; NaN for an unreadable date. */
  readonly at: number
  readonly reason: number | undefined
}

/**
 * Finds the entries of a revocation list by their serial numbers: a hash table of places in the list's bytes. A list of 30 MB
 * has a million entries; the table takes about 8 bytes for each.
 */
export class SerialIndex {
  readonly #bytes: Buffer
  readonly #slots: Uint32Array

  constructor(bytes: Buffer, slots: Uint32Array) {
    this.#bytes = bytes
    this.#slots = slots
  }

  /** Bytes beside the list. */
  get size(): number {
    return this.#slots.byteLength
  }

  find(serial: Buffer): Entry | undefined {
    const slots = this.#slots
    const mask = slots.length - 1
    const cursor = new DerCursor(this.#bytes)
    for (let i = hashOf(serial, 0, serial.length) & mask; slots[i] !== 0; i = (i + 1) & mask) {
      cursor.move(slots[i] ?? 0, this.#bytes.length)
      const entry = cursor.take(TAG.sequence).inside()
      if (!entry.take(TAG.integer).content.equals(serial)) continue
      const at = timeIn(entry)
      return { at, reason: entry.isAtEnd ? undefined : readExtensions(entry) }
    }
    return undefined
  }
}

/**
 * Reads the entries of a list, in slices between which the event loop goes on.
 * @param from, to where they are in `bytes`
 * @throws {NoAnswer} for entries of which one cannot be taken as it stands
 */
export async function indexEntries(bytes: Buffer, from: number, to: number): Promise<SerialIndex> {
  let until = performance.now() + SLICE
  const rest = async (): Promise<void> => {
    if (performance.now() < until) return
    await turn()
    until = performance.now() + SLICE
  }
  let places = new Uint32Array(1024)
  let count = 0
  const all = new DerCursor(bytes, from, to)
  const entry = new DerCursor(bytes)
  while (!all.isAtEnd) {
    all.take(TAG.sequence)
    entry.move(all.start, all.end)
    entry.take(TAG.integer)
    entry.take(entry.sees(TAG.utcTime) ? TAG.utcTime : TAG.generalizedTime)
    if (!entry.isAtEnd && readExtensions(entry) === REMOVE_FROM_CRL)
      throw new NoAnswer('an entry says removeFromCRL, as only those of a delta list may')
    if (count === places.length) {
      const more = new Uint32Array(count * 2)
      more.set(places)
      places = more
    }
    places[count++] = all.begin
    if (count % ENTRIES_BETWEEN_LOOKS === 0) await rest()
  }
  const slots = new Uint32Array(2 ** Math.ceil(Math.log2(count * 1.5 + 2)))
  const mask = slots.length - 1
  for (let n = 0; n < count; n++) {
    const place = places[n] ?? 0
    entry.move(place, to)
    entry.take(TAG.sequence)
    entry.move(entry.start, entry.end)
    entry.take(TAG.integer)
    let i = hashOf(bytes, entry.start, entry.end) & mask
    while (slots[i] !== 0) i = (i + 1) & mask
    slots[i] = place
    if (n % ENTRIES_BETWEEN_LOOKS === 0) await rest()
  }
  return new SerialIndex(bytes, slots)
}

/** An entry counts whatever its date is. */
function timeIn(entry: DerCursor): number {
  try {
    return takeTime(entry)
  } catch {
    return Number.NaN
  }
}

/** The reason in an entry's extensions, which are the cursor's next element. */
function readExtensions(entry: DerCursor): number | undefined {
  const { bytes } = entry
  entry.take(TAG.sequence)
  entry.finish()
  const { start, end } = entry
  let reason: number | undefined
  const all = new DerCursor(bytes, start, end)
  while (!all.isAtEnd) {
    const one = all.take(TAG.sequence).inside()
    one.take(TAG.oid)
    const { content: oid } = one
    const isCritical = one.sees(TAG.boolean) && bytes[one.take(TAG.boolean).start] !== 0
    one.take(TAG.octetString)
    if (oid.equals(REASON_CODE)) {
      const [code, ...more] = one.inside().take(TAG.enumerated).content
      if (code === undefined || more.length > 0) throw notDer()
      reason = code
    } else if (oid.equals(CERTIFICATE_ISSUER))
      throw new NoAnswer('its entries name other issuers, as those of an indirect list do')
    else if (isCritical) throw new NoAnswer('a critical extension of its entries is not understood')
  }
  return reason
}

/** FNV-1a. Serial numbers are chosen by the authority that has signed the list. */
function hashOf(bytes: Buffer, from: number, to: number): number {
  let hash = 0x811c9dc5
  for (let i = from; i < to; i++) hash = Math.imul(hash ^ (bytes[i] ?? 0), 0x01000193)
  return (hash ^ (hash >>> 15)) >>> 0
}
