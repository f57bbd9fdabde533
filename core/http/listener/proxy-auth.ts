import { ProxyError } from '../../base/errors.js'
import { fieldValues } from '../../base/fields.js'
import { describe } from '../../base/thrown.js'
import type { TokenKey } from '../../config/token-keys.js'
import type { ClientCertSettings, TokenSettings } from '../../settings/http.js'
import { BasicAuth } from './basic-auth.js'
import { BearerAuth } from './bearer-auth.js'
import { CertificateAuth } from './certificate-auth.js'
import type { ClientInfo } from './client-info.js'
import type { ClientRequest } from './client-request.js'
import { type AuthScheme, type Checked, type GroupsOf, type Identity, LoginRequired } from './identity.js'

/** The ways to log in; at least one is set. */
export interface AuthOptions {
  /** Names with bcrypt hashes, never empty. */
  readonly users?: ReadonlyMap<string, string> | undefined
  /** Groups of names, in whatever way a name was proved. */
  readonly groups?: ReadonlyMap<string, readonly string[]> | undefined
  readonly tokens?: { readonly keys: readonly TokenKey[]; readonly settings: TokenSettings } | undefined
  /** `trust`: the digest of the authorities that are in force; undefined: no certificate counts. */
  readonly certificates?:
    | { readonly settings: ClientCertSettings; readonly trust: string | undefined }
    | undefined
}

type Refusal = ProxyError | undefined

/** Finds the identity of clients. A client that proves none is refused. */
export class ProxyAuth {
  readonly #basic: BasicAuth | undefined
  readonly #bearer: BearerAuth | undefined
  readonly #certificates: CertificateAuth | undefined
  readonly #schemes: ReadonlyMap<string, AuthScheme>

  constructor({ users, groups, tokens, certificates: shown }: AuthOptions) {
    const groupsOf: GroupsOf = user => groups?.get(user) ?? []
    this.#basic = users && new BasicAuth(users, groupsOf)
    this.#bearer = tokens && new BearerAuth(tokens.keys, tokens.settings, groupsOf)
    this.#certificates = shown && new CertificateAuth(shown.settings, shown.trust, groupsOf)
    const schemes: readonly (readonly [string, AuthScheme | undefined])[] = [
      ['basic', this.#basic],
      ['bearer', this.#bearer],
    ]
    this.#schemes = new Map(
      schemes.flatMap(([name, scheme]) => (scheme === undefined ? [] : [[name, scheme]])),
    )
  }

  /** Whether a name and a password are a way to log in, the only one that SOCKS has. */
  get hasPasswords(): boolean {
    return this.#basic !== undefined
  }

  /** Why a request is refused, or undefined once its sender is known; then `req.identity` is set. */
  admit(req: ClientRequest): Refusal | Promise<Refusal> {
    const [value, ...more] =
      this.#schemes.size === 0 ? [] : fieldValues(req.rawHeaders, 'proxy-authorization')
    if (value === undefined) return this.#admitBare(req)
    if (more.length > 0) return this.#required('there are several Proxy-Authorization fields')
    const [, name = '', credentials = ''] = /^([!#$%&'*+.^_`|~0-9a-z-]+) +(\S+)$/i.exec(value.trim()) ?? []
    const scheme = this.#schemes.get(name.toLowerCase())
    if (scheme === undefined) return this.#required(this.#wanted)
    const refusal = (why: string): ProxyError => this.#required(why, scheme)
    return this.#welcome(req, scheme.check(credentials, req.client.network), refusal)
  }

  /** For a request without credentials. Wrong credentials are refused even if the connection has a good certificate. */
  #admitBare(req: ClientRequest): Refusal | Promise<Refusal> {
    const checked = this.#certificates?.of(req.client) ?? this.#wanted
    return this.#welcome(req, checked, why => this.#required(why))
  }

  /**
   * As {@link admit}, for a request inside a bumped tunnel, whose CONNECT was admitted. Checks the proof of the CONNECT again,
   * and finds the groups that the client has now.
   */
  admitAgain(req: ClientRequest): Refusal | Promise<Refusal> {
    return this.#welcome(req, this.#again(req.client, req.client.identity), ended)
  }

  /**
   * As {@link admitAgain}, for a tunnel that is open: a token or a certificate that has expired since it was admitted still
   * counts. @param since when it was admitted, in milliseconds since 1970
   */
  admitOpen(req: ClientRequest, since: number): Refusal | Promise<Refusal> {
    return this.#welcome(req, this.#again(req.client, req.identity, since), ended)
  }

  /** @param since absent: what has expired now counts no more */
  #again(
    client: ClientInfo,
    identity: Identity | undefined,
    since?: number,
  ): Checked | ProxyError | Promise<Checked> {
    const gone = `${since === undefined ? 'its CONNECT' : 'it'} has no login that holds now`
    if (identity === undefined) return gone
    const { user, proof } = identity
    if (proof.scheme === 'basic') return this.#basic?.again(user, proof.hash) ?? gone
    if (proof.scheme === 'certificate') return this.#certificates?.of(client, since) ?? gone
    if (this.#bearer === undefined) return gone
    return since === undefined
      ? this.#bearer.check(proof.token, client.network)
      : this.#bearer.again(proof.token, since)
  }

  #welcome(
    req: ClientRequest,
    checked: Checked | ProxyError | Promise<Checked>,
    refusal: (why: string) => ProxyError,
  ): Refusal | Promise<Refusal> {
    if (checked instanceof Promise)
      return checked.then(
        known => this.#welcome(req, known, refusal),
        (cause: unknown) => {
          // The reply to credentials that could not be checked has the challenges, too.
          throw ProxyError.codeOf(cause) === 'PTC_PROXY_AUTH_REQUIRED' ? refusal(describe(cause)) : cause
        },
      )
    if (typeof checked === 'string') return refusal(checked)
    if (checked instanceof ProxyError) return checked
    req.admitAs(checked)
    return undefined
  }

  get #wanted(): string {
    const ways = [
      ...this.#schemes.values(),
      ...(this.#certificates === undefined ? [] : [this.#certificates]),
    ]
    return `this proxy wants ${ways.map(({ wants }) => wants).join(', or ')}`
  }

  /** A 407 with the challenge of each scheme, in their order. Certificates have no challenge: with them alone it is a 403. */
  #required(why: string, refused?: AuthScheme): ProxyError {
    if (this.#schemes.size === 0) return new ProxyError('PTC_CLIENT_CERTIFICATE', why)
    return new LoginRequired(
      why,
      [...this.#schemes.values()].map(scheme => scheme.challenge(scheme === refused)),
    )
  }
}

const ended = (why: string): ProxyError => new ProxyError('PTC_LOGIN_ENDED', why)
