import { type RecordRow, SWITCH } from './record-row.js'

const REMOVES = { type: 'INT', default: 0, enum: [0, 1], reload: true } as const

/** Records about what origins learn of clients, by fields of requests. */
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
