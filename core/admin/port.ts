import type { IncomingMessage, ServerResponse } from 'node:http'
import { authorityText } from '../base/authority.js'
import { ERRORS } from '../base/error-table.js'
import type { Role } from '../base/roles.js'
import { escapeHtml } from '../base/text.js'
import { ANSWER_PATH, type Desk, serveAnswerLink } from './answer-link.js'
import type { Handler } from './app.js'
import { sendPage } from './page.js'
import { Sessions } from './sessions.js'
import type { TokenGuard } from './token.js'
import { ROLE_FIELD, WHO_FIELD } from './who.js'

const COOKIE = 'portcullis'
/** Names of this machine under which a loopback port is reached. */
const LOCAL = ['localhost', '127.0.0.1', '[::1]']
const READS = ['GET', 'HEAD']
const KEY_FIELD = 'x-portcullis-key'

/** Header fields of every answer: nothing of it is cached, shown in a frame, or mixed with what others serve. */
const FIELDS = {
  'cache-control': 'no-store',
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
} as const

/**
 * Admission to the management API on a TCP port: programs with the token, and people with a session that a one-time link
 * has made. Another kind of link answers one question, and opens nothing else. `Host` has to name the port, so that a foreign name with this address reaches nothing; a browser's request
 * to the API has to come from the page, which alone has the key of its session.
 */
export class AdminPort {
  readonly sessions = new Sessions()
  readonly #guard: TokenGuard
  readonly #serve: Handler
  readonly #desk: Desk
  readonly #scheme: 'http' | 'https'
  #hosts: readonly string[] = []

  /** @param serve the API, for requests that are let in @param desk the questions that links are for @param isSecure over TLS */
  constructor(guard: TokenGuard, serve: Handler, desk: Desk, isSecure: boolean) {
    this.#guard = guard
    this.#desk = desk
    this.#serve = serve
    this.#scheme = isSecure ? 'https' : 'http'
  }

  /** The port is open. */
  opened(address: string, port: number): void {
    this.#hosts = [authorityText(address, port), ...LOCAL.map(name => `${name}:${port}`)]
  }

  /** The address of the page. */
  get origin(): string {
    return `${this.#scheme}://${this.#hosts[0]}`
  }

  readonly handle = (req: IncomingMessage, res: ServerResponse): void => {
    for (const [name, value] of Object.entries(FIELDS)) res.setHeader(name, value)
    const { host = '', origin } = req.headers
    if (!this.#hosts.includes(host)) return refuse(req, res, 421, 'Host does not name this port')
    if (origin !== undefined && origin !== `${this.#scheme}://${host}`)
      return refuse(req, res, 403, 'a page of another site may not use the management API')
    // By hand: `new URL` throws for targets that a client may send, such as `//`.
    const [path = '', query] = (req.url ?? '').split('?', 2)
    if (path === '/login' && req.method === 'GET')
      return this.#logIn(new URLSearchParams(query).get('code') ?? '', req, res)
    if (path === ANSWER_PATH) return void serveAnswerLink(this.#desk, req, res)
    const token = /^Bearer +(\S+)$/i.exec(req.headers.authorization ?? '')?.[1]
    if (token !== undefined) return this.#withToken(token, req, res)
    this.#withSession(path, req, res)
  }

  #withToken(token: string, req: IncomingMessage, res: ServerResponse): void {
    const check = this.#guard.check(token, req.socket.remoteAddress ?? '')
    if (check === 'wrong') return refuse(req, res, 401, 'the token is wrong')
    if (check !== 'too-many') return this.#admit(check, undefined, req, res)
    res.setHeader('retry-after', '60')
    refuse(req, res, 429, 'too many wrong tokens')
  }

  #withSession(path: string, req: IncomingMessage, res: ServerResponse): void {
    const session = this.sessions.find(cookieOf(req))
    if (session === undefined) {
      res.setHeader('www-authenticate', 'Bearer realm="portcullis"')
      return refuse(req, res, 401, 'use the token, or open the link that `portcullis ctl dashboard` prints')
    }
    const isRead = READS.includes(req.method ?? '')
    if (isRead && sendPage(path, req, res)) return
    if (req.headers[KEY_FIELD] !== session.key)
      return refuse(
        req,
        res,
        403,
        `${KEY_FIELD} is missing or wrong; \`portcullis ctl dashboard\` prints a link`,
      )
    const { who, role } = session
    if (isRead && path === '/session') return sendJson(req, res, 200, { who, role })
    if (path === '/session' && req.method === 'DELETE') return this.#logOut(req, res)
    if (isRead) this.sessions.reading(session, res)
    this.#admit(role, who, req, res)
  }

  #logOut(req: IncomingMessage, res: ServerResponse): void {
    this.sessions.end(cookieOf(req))
    res.setHeader('set-cookie', `${COOKIE}=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0`)
    sendJson(req, res, 200, {})
  }

  /** This port says which person asks, and with which rights: what the client has sent in these fields is replaced. */
  #admit(role: Role, who: string | undefined, req: IncomingMessage, res: ServerResponse): void {
    req.headers[ROLE_FIELD] = role
    delete req.headers[WHO_FIELD]
    if (who !== undefined) req.headers[WHO_FIELD] = who
    this.#serve(req, res)
  }

  #logIn(code: string, req: IncomingMessage, res: ServerResponse): void {
    const login = this.sessions.redeem(code)
    if (login === undefined)
      return refuse(
        req,
        res,
        401,
        'the link was used, or is too old: `portcullis ctl dashboard` prints a new one',
      )
    req.resume()
    // No redirect: a browser that comes from another site would not send a cookie of SameSite=Strict along with it.
    res.writeHead(200, {
      'content-type': 'text/html; charset=utf-8',
      'set-cookie': `${COOKIE}=${login.id}; HttpOnly; SameSite=Strict; Path=/${this.#scheme === 'https' ? '; Secure' : ''}`,
    })
    // The page keeps the key in the storage of its own origin, port included. A fragment is sent to no server.
    const page = `/#${login.key}`
    res.end(
      `<!doctype html><meta http-equiv="refresh" content="0;url=${page}"><title>Portcullis</title><a href="${page}">Portcullis</a>`,
    )
  }
}

function cookieOf({ headers: { cookie = '' } }: IncomingMessage): string {
  for (const part of cookie.split(';')) {
    const [name, value = ''] = part.trim().split('=')
    if (name === COOKIE) return value
  }
  return ''
}

/** A person in front of a browser gets a page, a program JSON. */
function refuse(req: IncomingMessage, res: ServerResponse, status: number, message: string): void {
  const code = 'PTC_ADMIN_DENIED'
  const { remedy } = ERRORS[code]
  if (!req.headers.accept?.includes('text/html'))
    return sendJson(req, res, status, { error: { code, message, remedy } })
  req.resume()
  res.writeHead(status, { 'content-type': 'text/html; charset=utf-8' }).end(
    `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Portcullis</title>
<main><h1>Portcullis</h1>
<p>Not let in: ${escapeHtml(message)}.
<p>Run <code>portcullis ctl dashboard</code> on the machine of the proxy, and open the link that it prints. A link works once.</main>
</html>
`,
  )
}

function sendJson(req: IncomingMessage, res: ServerResponse, status: number, value: unknown): void {
  req.resume()
  res.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(value)}\n`)
}
