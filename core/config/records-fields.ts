import { type RecordRow, SWITCH } from './record-row.js'

const REMOVES = { type: 'INT', default: 0, enum: [0, 1], reload: true } as const

/** Records about fields of messages: what origins learn of clients, and of other ways to origins. */
export const FIELD_RECORDS = {
  'proxy.config.http.insert_squid_x_forwarded_for': {
    ...SWITCH,
    default: 0,
    about:
      "1 appends the client's address to X-Forwarded-For (default of Traffic Server: 1). Inside tunnels that are not bumped no field is added.",
  },
  'proxy.config.http.insert_client_ip': {
    type: 'INT',
    default: 0,
    enum: [0, 1, 2],
    about:
      "1 adds Client-ip with the client's address to requests that have none, 2 replaces it as well (default of Traffic Server: 1).",
  },
  'proxy.config.http.insert_forwarded': {
    type: 'STRING',
    default: 'none',
    shape: 'none, or parts of Forwarded joined by |',
    about:
      'The parts that are appended to Forwarded (RFC 7239), joined by `|`: `for`, `by=ip`, `by=unknown`, `proto`, `host`; or `none`.',
  },
  'proxy.config.http.alt_svc': {
    type: 'STRING',
    default: 'strip',
    enum: ['keep', 'strip'],
    about:
      '`strip` removes Alt-Svc from responses and their trailers, and Alt-Used from requests (RFC 7838), in bumped tunnels and everywhere else where the proxy reads HTTP: a client that follows such a hint, to HTTP/3 for example, goes round the proxy. What a plugin adds stays. ALTSVC and ORIGIN frames of HTTP/2 origins are never passed on. Not in Traffic Server.',
  },
  'proxy.config.http.anonymize_remove_from': { ...REMOVES, about: '1 removes From from requests.' },
  'proxy.config.http.anonymize_remove_referer': { ...REMOVES, about: '1 removes Referer from requests.' },
  'proxy.config.http.anonymize_remove_user_agent': {
    ...REMOVES,
    about: '1 removes User-Agent from requests.',
  },
  'proxy.config.http.anonymize_remove_cookie': {
    ...REMOVES,
    about: '1 removes Cookie from requests, and Set-Cookie from responses.',
  },
  'proxy.config.http.anonymize_remove_client_ip': {
    ...REMOVES,
    about: '1 removes Client-ip from requests; none is added then.',
  },
  'proxy.config.http.anonymize_other_header_list': {
    type: 'STRING',
    default: null,
    nullable: true,
    shape: 'names of fields, with commas between them',
    about:
      'Further fields to remove from requests, with commas between them, such as `X-Forwarded-For,Via`. Fields that frame a message or belong to its connection cannot be named.',
  },
} as const satisfies Record<string, RecordRow>
