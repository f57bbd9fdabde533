import type { Certificate } from '../../api/certificate.js'
import type { ProxyError } from '../../base/errors.js'
import type { ClientCertSettings } from '../../settings/http.js'
import { altNames } from '../../tls/judge/certificate-parts.js'
import type { ClientInfo } from './client-info.js'
import { EXPIRED, ended, endedCertificate } from './client-terms.js'
import { type Checked, type GroupsOf, type Identity, identityOf, isName } from './identity.js'

type Settings = Pick<ClientCertSettings, 'name' | 'hasOuGroups'>

/** The facts read from a certificate. */
interface Reading {
  /** A text says why it names no user. */
  readonly identity: Checked
  /** When the leaf becomes valid, in milliseconds since 1970; NaN if it cannot be read. */
  readonly from: number
}

/**
 * Certificates of `ssl` ports as logins. The engine has verified them. Each request is checked for two changes since: the
 * authorities in force, and the time. A login ends with the first certificate of its verified path that expires.
 */
export class CertificateAuth {
  readonly wants = 'a client certificate on an ssl port'
  readonly #settings: Settings
  readonly #trust: string | undefined
  readonly #groupsOf: GroupsOf
  /** Reading a certificate costs more than the rest of an admission. */
  readonly #read = new WeakMap<Certificate, Reading>()

  /** @param trust the digest of the authorities that are in force; undefined: no certificate counts */
  constructor(settings: Settings, trust: string | undefined, groupsOf: GroupsOf) {
    this.#settings = settings
    this.#trust = trust
    this.#groupsOf = groupsOf
  }

  /** Undefined for a client that has shown none. @param now in milliseconds since 1970 */
  of({ shown }: Pick<ClientInfo, 'shown'>, now = Date.now()): Checked | ProxyError | undefined {
    if (shown === undefined) return undefined
    const refusal = endedCertificate(shown, this.#trust, now)
    if (refusal !== undefined) return refusal
    const { identity, from } = this.#readingOf(shown.certificate)
    return from <= now ? identity : ended(EXPIRED)
  }

  #readingOf(certificate: Certificate): Reading {
    const known = this.#read.get(certificate)
    if (known !== undefined) return known
    const reading = this.#readAnew(certificate)
    this.#read.set(certificate, reading)
    return reading
  }

  #readAnew(certificate: Certificate): Reading {
    try {
      return { identity: this.#identityIn(certificate), from: Date.parse(certificate.x509.validFrom) }
    } catch {
      return { identity: 'its certificate cannot be read', from: Number.NEGATIVE_INFINITY }
    }
  }

  #identityIn(certificate: Certificate): Identity | string {
    const { name: kind, hasOuGroups } = this.#settings
    const [user, ...more] = new Set(namesIn(certificate, kind))
    if (user === undefined || more.length > 0 || !isName(user))
      return `its certificate has ${more.length > 0 ? 'several of' : 'no'} ${WORDS[kind]} that can be its name`
    const units = hasOuGroups ? subjectParts(certificate, 'OU') : []
    if (!units.every(isName)) return 'its certificate has a unit (OU) that can be no name of a group'
    return identityOf(user, [...units, ...this.#groupsOf(user)], { scheme: 'certificate' })
  }
}

const WORDS = {
  cn: 'common name',
  email: 'email address among the alternative names',
  uri: 'URI among the alternative names',
  dns: 'DNS name among the alternative names',
} as const satisfies Record<ClientCertSettings['name'], string>

function namesIn(certificate: Certificate, kind: ClientCertSettings['name']): readonly string[] {
  if (kind === 'cn') return subjectParts(certificate, 'CN')
  const values = altNames(certificate.der).flatMap(({ type, value }) => (type === kind ? [value] : []))
  return kind === 'dns' ? values.map(value => value.toLowerCase()) : values
}

/** The attributes as OpenSSL separates them: a value may contain `/` or `=`. */
function subjectParts({ x509 }: Certificate, attribute: 'CN' | 'OU'): readonly string[] {
  const subject: { readonly [name: string]: unknown } = { ...x509.toLegacyObject().subject }
  return [subject[attribute] ?? []].flat().map(String)
}
