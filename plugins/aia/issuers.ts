import { ContentInfo, id_signedData, SignedData } from '@peculiar/asn1-cms'
import { AsnConvert } from '@peculiar/asn1-schema'
import type { PluginContext } from 'portcullis/plugin'

/** Certificates of one answer that are looked at; a cross-certified authority has a handful. */
const MAX_CERTIFICATES = 16

/**
 * The certificates of an answer to caIssuers: one in DER, PEM text, or a PKCS#7 bundle (RFC 5280 section 4.2.2.1). What is
 * none of these has none.
 */
export function issuersIn(
  body: Buffer,
  readCertificates: PluginContext['readCertificates'],
): readonly Buffer[] {
  const whole = (source: string | Buffer): readonly Buffer[] => {
    try {
      return readCertificates(source).map(({ raw }) => raw)
    } catch {
      return []
    }
  }
  const text = body.toString('latin1')
  if (text.includes('-----BEGIN CERTIFICATE-----')) return whole(text).slice(0, MAX_CERTIFICATES)
  const one = whole(body)
  if (one.length > 0) return one
  return bundle(body)
    .slice(0, MAX_CERTIFICATES)
    .flatMap(der => whole(der))
}

function bundle(body: Buffer): readonly Buffer[] {
  try {
    const info = AsnConvert.parse(new Uint8Array(body).buffer, ContentInfo)
    if (info.contentType !== id_signedData) return []
    const { certificates = [] } = AsnConvert.parse(info.content, SignedData)
    return [...certificates].flatMap(({ certificate }) =>
      certificate === undefined ? [] : [Buffer.from(AsnConvert.serialize(certificate))],
    )
  } catch {
    return []
  }
}
