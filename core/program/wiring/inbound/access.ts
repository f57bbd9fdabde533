import type { Current } from '../../../base/current.js'
import { ProxyError } from '../../../base/errors.js'
import { Memo } from '../../../base/memo.js'
import type { IpAllow, IpRule, IpRuleLogins } from '../../../config/ip-allow.js'
import type { ClientRequest } from '../../../http/listener/client-request.js'
import { type ClientTerms, endedBy } from '../../../http/listener/client-terms.js'
import type { Identity } from '../../../http/listener/identity.js'
import type { Admit } from '../../../http/listener/listener.js'
import type { AdmitOpen } from '../../../http/listener/open-tunnels.js'
import { ProxyAuth } from '../../../http/listener/proxy-auth.js'
import type { Configuration } from '../../../settings/settings.js'

/** Clients whose rules are remembered: to find them costs as much as the rest of the admission. */
const REMEMBERED = 10_000

type Refusal = ProxyError | undefined

/** Which clients may use the proxy, and which origins it may connect to. */
export interface Access {
  readonly admit: Admit
  /** Judges a request inside a bumped connection: its sender has been admitted, its method has not. */
  readonly admitInside: Admit
  /** Judges a tunnel that is open; one without a login by the certificate of its client alone. */
  readonly admitOpen: AdmitOpen
  /** How clients of SOCKS log in; `other`: only in ways that SOCKS lacks. */
  readonly socksLogin: 'none' | 'password' | 'other'
  readonly deniesPrivateOrigins: boolean
}

const NO_TERMS: ClientTerms = {
  port: { level: 'none', trust: undefined },
  bump: { level: 'none', trust: undefined },
}

/** @param terms about certificates of clients; by default none are asked for */
export function makeAccess(
  {
    settings,
    ipAllow,
    users,
    groups,
    tokenKeys,
  }: Pick<Configuration, 'settings' | 'ipAllow' | 'users' | 'groups' | 'tokenKeys'>,
  terms = NO_TERMS,
): Access {
  const { tokens, clientCert } = settings.access
  const bearer = tokens && tokenKeys && { keys: tokenKeys, settings: tokens }
  const certificates = clientCert && { settings: clientCert, trust: terms.port.trust }
  const isWanted = [users, bearer, certificates].some(way => way !== undefined)
  const auth = isWanted ? new ProxyAuth({ users, groups, tokens: bearer, certificates }) : undefined
  /** By address alone: methods of HTTP/2 are the client's choice. */
  const known = new Memo<string, readonly IpRule[]>(REMEMBERED)
  return {
    admit: req => admitted(req, auth && (() => auth.admit(req))),
    admitInside: req => admitted(req, () => (auth === undefined ? forgotten(req) : auth.admitAgain(req))),
    admitOpen: (req, since) =>
      req.identity === undefined
        ? endedBy(terms, req.client, since)
        : admitted(req, auth && (() => auth.admitOpen(req, since)), since),
    socksLogin: auth === undefined ? 'none' : auth.hasPasswords ? 'password' : 'other',
    deniesPrivateOrigins: settings.access.deniesPrivateOrigins,
  }

  function rulesOf(address: string): readonly IpRule[] {
    const found = known.get(address)
    if (found !== undefined) return found
    const rules = rulesFor(ipAllow, address)
    known.set(address, rules)
    return rules
  }

  /** Asks for no login where a rule refuses the client whatever its login is. @param at as for {@link endedBy} */
  function admitted(
    req: ClientRequest,
    logIn: (() => Refusal | Promise<Refusal>) | undefined,
    at?: number,
  ): Refusal | Promise<Refusal> {
    const { method, client } = req
    const address = client.remoteAddress ?? ''
    const rules = rulesOf(address)
    const why = denialOfAll(rules, ipAllow, method)
    if (why !== undefined) return denied(address, method, why)
    const ended = endedBy(terms, client, at)
    if (ended !== undefined) return ended
    if (isForEachLogin(rules)) return logIn?.()
    const judge = (refusal: Refusal): Refusal => {
      const denial = refusal ?? denialBy(ruleFor(rules, req.identity), ipAllow, method)
      return typeof denial === 'string' ? denied(`${req.user} at ${address}`, method, denial) : denial
    }
    const answer = logIn?.()
    return answer instanceof Promise ? answer.then(judge) : judge(answer)
  }
}

/** Without logins in the configuration in force, the login of the CONNECT counts for nothing. */
function forgotten({ client }: ClientRequest): undefined {
  client.identity = undefined
}

/** The admissions of ports, by the access in force. Ports get these alone. */
export type Admissions = Pick<Access, 'admit' | 'admitInside'>

/**
 * A password or a token is checked for a while, and a reload may come meanwhile: the request is then judged anew, so that no
 * answer rests on users, keys or rules that are no longer in force.
 */
export function admissions(current: Current<{ readonly access: Access }>): Admissions {
  const judge = (way: keyof Admissions, req: ClientRequest): Refusal | Promise<Refusal> => {
    const { access } = current()
    const answer = access[way](req)
    if (!(answer instanceof Promise)) return answer
    return answer.then(refusal => {
      if (current().access === access) return refusal
      req.admitAs(undefined)
      return judge(way, req)
    })
  }
  return { admit: req => judge('admit', req), admitInside: req => judge('admitInside', req) }
}

const denied = (who: string, method: string, why: string): ProxyError =>
  new ProxyError('PTC_CLIENT_DENIED', `${who} may not send ${method} to this proxy (${why})`)

/** The rules of which the first that fits a client's login decides; all but the last are about some logins only. */
function rulesFor({ rules }: IpAllow, clientAddress: string): readonly IpRule[] {
  const found = rules.filter(({ addresses }) => addresses.has(clientAddress))
  const last = found.findIndex(({ logins }) => logins === undefined)
  return last === -1 ? found : found.slice(0, last + 1)
}

/** The rule that decides about a client; undefined: none does. */
const ruleFor = (rules: readonly IpRule[], login: Identity | undefined): IpRule | undefined =>
  rules.find(({ logins }) => logins === undefined || (login !== undefined && fits(logins, login)))

const fits = ({ users, groups }: IpRuleLogins, login: Identity): boolean =>
  users?.has(login.user) !== false && (groups === undefined || login.groups.some(group => groups.has(group)))

/** Whether they decide about a client without a look at its login. */
const isForEachLogin = (rules: readonly IpRule[]): boolean =>
  rules.length < 2 && rules[0]?.logins === undefined

/** Why no client at an address may, whatever its login; undefined if a login may. */
function denialOfAll(rules: readonly IpRule[], allow: IpAllow, method: string): string | undefined {
  const last = rules.at(-1)
  if (isForEachLogin(rules)) return denialBy(last, allow, method)
  const all = last?.logins === undefined ? [last, ...rules] : [undefined, ...rules]
  const whys = all.map(rule => denialBy(rule, allow, method))
  return whys.includes(undefined) ? undefined : whys[0]
}

/**
 * Why a client may not, or undefined if it may.
 *
 * As in Traffic Server, a rule that allows some methods denies the others, and a rule that denies some allows the
 * others.
 * @param rule that decides about this client
 */
function denialBy(rule: IpRule | undefined, allow: IpAllow, method: string): string | undefined {
  if (rule === undefined) return allow.where
  const isListed = rule.methods === undefined || rule.methods.has(method)
  return isListed === (rule.action === 'allow') ? undefined : rule.where
}
