import { type RecordRow, SWITCH } from './record-row.js'

/** Records about the addresses of names. */
export const NAME_RECORDS = {
  'proxy.config.dns.resolver': {
    type: 'STRING',
    default: 'dns',
    enum: ['dns', 'system'],
    about:
      '`dns` asks name servers itself, after /etc/hosts. `system` asks the resolver of the operating system, with everything of nsswitch.conf; it occupies a thread for each name, so a few silent names delay all others. Not in Traffic Server.',
  },
  'proxy.config.dns.nameservers': {
    type: 'STRING',
    default: null,
    nullable: true,
    shape: 'addresses of name servers',
    about:
      'Name servers to ask instead of those of resolv.conf: `address`, `address:port` or `[address]:port`, separated by blanks or commas. NULL takes those of resolv.conf.',
  },
  'proxy.config.dns.resolv_conf': {
    type: 'STRING',
    default: '/etc/resolv.conf',
    pattern: '\\S',
    shape: 'a file name',
    about:
      'The file with `nameserver`, `search` and the option `ndots`; relative to the configuration folder. A change of the file takes effect within a second.',
  },
  'proxy.config.dns.search_default_domains': {
    ...SWITCH,
    default: 1,
    about:
      '1 looks names up in the domains of `search` in resolv.conf too, as the system does (default of Traffic Server: 0).',
  },
  'proxy.config.dns.max_dns_in_flight': {
    type: 'INT',
    default: 256,
    minimum: 2,
    maximum: 65_535,
    about:
      'How many names are asked for at a time; two sockets each (default of Traffic Server: 2048). Further ones wait, and the networks of clients take turns: one network gets at most half of them, two get a third each, and so on.',
  },
  'proxy.config.dns.max_in_flight_per_client': {
    type: 'INT',
    default: 64,
    minimum: 1,
    maximum: 65_535,
    about:
      'How many names are asked for at a time for one network of clients: an IPv4 address, or a /64 of IPv6. Raise it where all clients come through one address. Not in Traffic Server.',
  },
  'proxy.config.hostdb.lookup_timeout': {
    type: 'INT',
    default: 10,
    minimum: 1,
    maximum: 3600,
    unit: 's',
    about:
      'How long the lookup of one name may take, including the wait for its turn (default of Traffic Server: 30). Then the client gets 504.',
  },
  'proxy.config.hostdb.timeout': {
    type: 'INT',
    default: 60,
    minimum: 0,
    maximum: 2_147_483,
    unit: 's',
    about:
      'The longest time that addresses of a name are used (default of Traffic Server: 86400). A shorter TTL of the name server counts; the resolver of the system gives no TTL. 0 asks every time. If no address of a name accepts a connection, the name is looked up again at once.',
  },
  'proxy.config.hostdb.fail.timeout': {
    type: 'INT',
    default: 2,
    minimum: 0,
    maximum: 3600,
    unit: 's',
    about: 'How long a name that did not resolve is not asked for again.',
  },
  'proxy.config.hostdb.max_size': {
    type: 'INT',
    default: 10_485_760,
    minimum: 0,
    maximum: 2_147_483_647,
    unit: 'bytes',
    about:
      'Memory for cached names, about 400 bytes each, with at most 16 addresses per name. When it is full, the least recently used name is removed. 0 caches none.',
  },
  'proxy.config.hostdb.host_file.path': {
    type: 'STRING',
    default: null,
    nullable: true,
    about:
      "A file in the format of /etc/hosts whose names are looked up before the system's; relative to the configuration folder.",
  },
} as const satisfies Record<string, RecordRow>
