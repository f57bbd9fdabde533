/** DER, written: the opposite of what the program does, and shared with nothing of it. */

/** An element with this tag byte around the contents. */
export function der(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(contents)
  const length: number[] = []
  for (let rest = content.length; rest > 0; rest >>>= 8) length.unshift(rest & 0xff)
  const head = content.length < 0x80 ? [tag, content.length] : [tag, 0x80 | length.length, ...length]
  return Buffer.concat([Buffer.from(head), content])
}

export const sequence = (...contents: readonly Uint8Array[]): Buffer => der(0x30, ...contents)

/** The extension that names are in. */
export function sanExtension(...names: readonly Uint8Array[]): Buffer {
  return sequence(der(0x06, Buffer.from([0x55, 0x1d, 0x11])), der(0x04, sequence(...names)))
}

export interface CertificateShape {
  /** Default: the version is there, as in every certificate with extensions. */
  readonly hasVersion?: boolean
  readonly spki?: Buffer
  /** Without them the field is left out. */
  readonly extensions?: readonly Uint8Array[]
}

/** What has the form of a certificate: nothing in it is signed, and its key is none. */
export function certificateShape({ hasVersion = true, spki, extensions }: CertificateShape): Buffer {
  const tbs = sequence(
    ...(hasVersion ? [der(0xa0, der(0x02, Buffer.from([2])))] : []),
    der(0x02, Buffer.from([1])),
    ...[sequence(), sequence(), sequence(), sequence()], // signature, issuer, validity, subject
    spki ?? sequence(),
    ...(extensions === undefined ? [] : [der(0xa3, sequence(...extensions))]),
  )
  return sequence(tbs, sequence(), der(0x03, Buffer.from([0])))
}
