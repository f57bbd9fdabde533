// Reads a certificate for people: names, dates, key. It decides nothing. What is not DER as it should be is said to be
// unreadable, and never guessed. Longer than 100 lines because of the tables.

const NAMES = {
  '2.5.4.3': 'CN',
  '2.5.4.5': 'serialNumber',
  '2.5.4.6': 'C',
  '2.5.4.7': 'L',
  '2.5.4.8': 'ST',
  '2.5.4.9': 'street',
  '2.5.4.10': 'O',
  '2.5.4.11': 'OU',
  '0.9.2342.19200300.100.1.25': 'DC',
  '1.2.840.113549.1.9.1': 'emailAddress',
}
const ALGORITHMS = {
  '1.2.840.113549.1.1.1': 'RSA',
  '1.2.840.10045.2.1': 'EC',
  '1.3.101.112': 'Ed25519',
  '1.3.101.113': 'Ed448',
  '1.2.840.113549.1.1.5': 'RSA with SHA-1',
  '1.2.840.113549.1.1.10': 'RSA-PSS',
  '1.2.840.113549.1.1.11': 'RSA with SHA-256',
  '1.2.840.113549.1.1.12': 'RSA with SHA-384',
  '1.2.840.113549.1.1.13': 'RSA with SHA-512',
  '1.2.840.10045.4.3.2': 'ECDSA with SHA-256',
  '1.2.840.10045.4.3.3': 'ECDSA with SHA-384',
  '1.2.840.10045.4.3.4': 'ECDSA with SHA-512',
  '1.2.840.10045.3.1.7': 'P-256',
  '1.3.132.0.34': 'P-384',
  '1.3.132.0.35': 'P-521',
}
const SUBJECT_ALT_NAME = '2.5.29.17'
const BASIC_CONSTRAINTS = '2.5.29.19'
const [BOOLEAN, INTEGER, BIT_STRING, OCTETS, OID, SEQUENCE, SET] = [1, 2, 3, 4, 6, 0x30, 0x31]
const STRINGS = { 12: 'utf-8', 18: 'latin1', 19: 'latin1', 20: 'latin1', 22: 'latin1', 30: 'utf-16be' }

const wrong = why => new Error(`not a certificate: ${why}`)

/** One element of DER: its tag and content. `next` reads what follows it. */
class Der {
  #bytes
  #at = 0

  constructor(bytes) {
    this.#bytes = bytes
  }

  get isAtEnd() {
    return this.#at >= this.#bytes.length
  }

  get tag() {
    return this.#bytes[this.#at]
  }

  /** @param tag that it has to have */
  next(tag) {
    const bytes = this.#bytes
    const found = bytes[this.#at]
    if (found === undefined || (tag !== undefined && found !== tag)) throw wrong(`tag ${found} for ${tag}`)
    let length = bytes[this.#at + 1]
    let begin = this.#at + 2
    if (length > 0x80 && length <= 0x84) {
      const end = begin + length - 0x80
      for (length = 0; begin < end; begin++) length = length * 256 + bytes[begin]
    } else if (!(length < 0x80)) throw wrong('a length')
    // Also where `length` is no number, because the bytes have ended.
    if (!(begin + length <= bytes.length)) throw wrong('it is cut short')
    this.#at = begin + length
    return { tag: found, bytes: bytes.subarray(begin, begin + length) }
  }

  in(tag) {
    return new Der(this.next(tag).bytes)
  }

  oid() {
    const parts = []
    let value = 0
    for (const byte of this.next(OID).bytes) {
      value = value * 128 + (byte & 0x7f)
      if (byte & 0x80) continue
      if (parts.length === 0) {
        const first = Math.min(2, Math.floor(value / 40))
        parts.push(first, value - first * 40)
      } else parts.push(value)
      value = 0
    }
    return parts.join('.')
  }
}

const hex = bytes => [...bytes].map(byte => byte.toString(16).padStart(2, '0')).join('')

/** `CN=a.example, O=Example`; a value that contains such signs itself is in quotation marks. */
function readName(der) {
  const parts = []
  while (!der.isAtEnd) {
    const set = der.in(SET)
    while (!set.isAtEnd) {
      const pair = set.in(SEQUENCE)
      const type = pair.oid()
      const { tag, bytes } = pair.next()
      const value = STRINGS[tag] === undefined ? hex(bytes) : new TextDecoder(STRINGS[tag]).decode(bytes)
      parts.push(`${NAMES[type] ?? type}=${/[,=+"]/.test(value) ? JSON.stringify(value) : value}`)
    }
  }
  return parts.join(', ')
}

/** @returns milliseconds; null for a date that cannot be read */
function readTime(der) {
  const { tag, bytes } = der.next()
  const text = new TextDecoder('latin1').decode(bytes)
  const found = /^(\d{2}|\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(text)
  if (found === null || found[1].length !== (tag === 0x17 ? 2 : 4)) return null
  const [, year, ...rest] = found
  const whole = year.length === 4 ? year : `${Number(year) < 50 ? '20' : '19'}${year}`
  const [month, day, hour, minute, second] = rest
  const time = Date.parse(`${whole}-${month}-${day}T${hour}:${minute}:${second}Z`)
  return Number.isNaN(time) ? null : time
}

function readKey(der) {
  const algorithm = der.in(SEQUENCE)
  const type = algorithm.oid()
  const name = ALGORITHMS[type] ?? type
  const bits = der.next(BIT_STRING).bytes.subarray(1)
  if (name === 'EC') {
    const curve = algorithm.oid()
    return `EC ${ALGORITHMS[curve] ?? curve}`
  }
  if (name !== 'RSA') return name
  const modulus = new Der(bits).in(SEQUENCE).next(INTEGER).bytes
  const significant = modulus[0] === 0 ? modulus.subarray(1) : modulus
  return `RSA, ${significant.length * 8 - Math.clz32(significant[0] ?? 0) + 24} bits`
}

function addressText(bytes) {
  if (bytes.length === 4) return [...bytes].join('.')
  return hex(bytes).replace(/(.{4})(?=.)/g, '$1:')
}

function readAltNames(der) {
  const names = []
  while (!der.isAtEnd) {
    const { tag, bytes } = der.next()
    const text = new TextDecoder('latin1').decode(bytes)
    if (tag === 0x82) names.push(text)
    else if (tag === 0x87) names.push(addressText(bytes))
    else if (tag === 0x81 || tag === 0x86) names.push(text)
    else names.push(`a name of kind ${tag & 0x1f}`)
  }
  return names
}

function readExtensions(der, into) {
  while (!der.isAtEnd) {
    const one = der.in(SEQUENCE)
    const type = one.oid()
    if (one.tag === BOOLEAN) one.next()
    const value = new Der(one.next(OCTETS).bytes)
    if (type === SUBJECT_ALT_NAME) into.names.push(...readAltNames(value.in(SEQUENCE)))
    if (type === BASIC_CONSTRAINTS) {
      const constraints = value.in(SEQUENCE)
      into.isCa = !constraints.isAtEnd && constraints.tag === BOOLEAN && constraints.next().bytes[0] !== 0
    }
  }
}

/** The bytes of a PEM text. @throws {Error} */
export function derOf(pem) {
  const [, base64 = ''] = /-----BEGIN CERTIFICATE-----([\s\S]*?)-----END CERTIFICATE-----/.exec(pem) ?? []
  return Uint8Array.from(atob(base64.replace(/\s/g, '')), char => char.charCodeAt(0))
}

/** @throws {Error} for what is no certificate */
export function readCertificate(bytes) {
  const certificate = new Der(bytes).in(SEQUENCE)
  const tbs = certificate.in(SEQUENCE)
  if (tbs.tag === 0xa0) tbs.next()
  const serial = hex(tbs.next(INTEGER).bytes)
  const algorithm = tbs.in(SEQUENCE).oid()
  const issuer = readName(tbs.in(SEQUENCE))
  const validity = tbs.in(SEQUENCE)
  const [notBefore, notAfter] = [readTime(validity), readTime(validity)]
  const subject = readName(tbs.in(SEQUENCE))
  const key = readKey(tbs.in(SEQUENCE))
  const more = { names: [], isCa: false }
  while (!tbs.isAtEnd) {
    if (tbs.tag === 0xa3) readExtensions(tbs.in(0xa3).in(SEQUENCE), more)
    else tbs.next()
  }
  const signature = ALGORITHMS[algorithm] ?? algorithm
  return { subject, issuer, serial, notBefore, notAfter, key, signature, ...more }
}

/** SHA-256 of bytes, hex. Undefined where the browser has no such function: on plain HTTP from another machine. */
export async function sha256(bytes) {
  const digest = await globalThis.crypto?.subtle?.digest('SHA-256', bytes)
  return digest === undefined ? undefined : hex(new Uint8Array(digest))
}
