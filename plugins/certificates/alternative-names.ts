import { AsnConvert } from '@peculiar/asn1-schema'
import { SubjectAlternativeName } from '@peculiar/asn1-x509'
import type { Certificate } from 'portcullis/plugin'
import { readDetails } from 'portcullis/x509'

/** The alternative names of a certificate, as they stand in it. */
export interface AlternativeNames {
  readonly dns: readonly string[]
  readonly ip: readonly string[]
  readonly uri: readonly string[]
}

const SUBJECT_ALT_NAME = '2.5.29.17'

/** @throws what the extension has that cannot be read */
export function alternativeNamesOf(cert: Certificate): AlternativeNames {
  const extension = readDetails(cert).extension(SUBJECT_ALT_NAME)
  const names = extension === undefined ? [] : AsnConvert.parse(extension.value, SubjectAlternativeName)
  const all = <T>(pick: (name: (typeof names)[number]) => T | undefined): T[] =>
    names.flatMap(name => pick(name) ?? [])
  return {
    dns: all(name => name.dNSName),
    ip: all(name => name.iPAddress),
    uri: all(name => name.uniformResourceIdentifier),
  }
}
