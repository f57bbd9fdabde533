import { safeUrl } from '../base/authority.js'
import type { LogEntry } from './log-fields.js'
import { certificateOf } from './origin-certificate.js'

/** Longer request-targets are cut. */
const MAX_URL = 8192

/** An entry as a JSON object on one line. Fields are always there, `null` where there is nothing to say. */
export function jsonLine({ summary, startedAt, user, groups, sent, remedy }: LogEntry): string {
  const { req, method, url, status, bytesUp, bytesDown, milliseconds, error, channel, response } = summary
  const certificate = certificateOf(summary)
  const address = channel?.link.remoteAddress ?? summary.tunnel?.address
  const text = JSON.stringify({
    time: new Date(startedAt).toISOString(),
    client: summary.clientAddress ?? null,
    user: user ?? null,
    groups,
    method: method === '' ? null : method,
    url: url === '' ? null : safeUrl(url).slice(0, MAX_URL),
    sni: summary.sni ?? null,
    version: req?.httpVersion ?? null,
    status,
    ms: Math.round(milliseconds),
    bytes: { up: bytesUp, down: bytesDown, sent },
    error:
      error === undefined
        ? null
        : { code: error.code, side: error.side, message: error.message, remedy: remedy() ?? null },
    origin:
      address === undefined
        ? null
        : {
            address,
            status: response?.status ?? null,
            reused: summary.isReused,
            tls: channel?.peer?.evidence.protocol ?? null,
            cipher: channel?.peer?.evidence.cipher ?? null,
          },
    certificate:
      certificate === undefined
        ? null
        : {
            subject: certificate.subject ?? null,
            issuer: certificate.issuer ?? null,
            sha256: certificate.sha256 ?? null,
            verdict: certificate.verdict,
            by: certificate.by,
            x509: certificate.x509 ?? null,
            parked_ms: certificate.parked,
          },
  })
  return text.replace(UNSEEN, c => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** Valid in JSON, and yet a control character or a line end for some programs. */
const UNSEEN = /[\u007f-\u009f\u2028\u2029]/g
