/**
 * Records of Traffic Server that protect, and that have no counterpart here: which clients are served, where traffic goes and
 * which way, what is verified, which versions of TLS are spoken. To ignore one would open something in silence.
 */

interface Protection {
  /** Whether this value protects; the text is as it stands in the file. */
  readonly isLost: (value: string) => boolean
  /** What is lost, and what the operator can do. */
  readonly way: string
}

const isSet = (value: string): boolean => !/^(?:NULL|none|"")?$/.test(value)
const isOn = (value: string): boolean => value !== '0'
const isVersion = (value: string): boolean => value !== '-1'
const isPort = (value: string): boolean => isSet(value) && value !== '-1'

const NO_TUNNELS =
  'CONNECT goes through parents as well; a first line in parent.config, `dest_domain=. method=CONNECT go_direct=true`, has it go directly. Set it to 0'
const PORTS = 'write this port in proxy.config.http.server_ports, and remove the line'
const OLD_TLS = 'this version is never spoken (RFC 8996, RFC 7568); set it to 0'

const PROTECTIVE: Readonly<Record<string, Protection>> = {
  'acl.subjects': {
    isLost: value => value !== 'PEER' && !/^PROXY,PEER$/.test(value.replace(/[\s"]/g, '')),
    way: 'ip_allow.yaml judges the client that a PROXY header announces, and without a header the address of the connection; set it to PROXY,PEER, or remove the line',
  },
  'cache.ip_categories.filename': {
    isLost: isSet,
    way: 'named groups of addresses are not read; write their addresses in ip_allow.yaml, and remove the line',
  },
  'dns.splitDNS.enabled': {
    isLost: isOn,
    way: 'splitdns.config is not read: all names would be asked of the same servers. Use proxy.config.dns.nameservers and proxy.config.hostdb.host_file.path, and set it to 0',
  },
  'http.forward.proxy_auth_to_parent': {
    isLost: isOn,
    way: 'parents never receive the credentials of clients. Name a file with credentials in parent.config (credentials=FILE) with which this proxy logs in, and set it to 0',
  },
  'http.host_sni_policy': {
    isLost: value => value === '2',
    way: 'the Host of a request is not compared with the name of its TLS connection, since no rule demands something of a client by that name; set it to 0',
  },
  'http.max_post_size': {
    isLost: isOn,
    way: 'the size of bodies has no limit here; set it to 0, or limit it in a plugin on TS_HTTP_READ_REQUEST_HDR_HOOK',
  },
  'http.parent_proxy.disable_connect_tunneling': { isLost: isOn, way: NO_TUNNELS },
  'http.push_method_enabled': {
    isLost: isOn,
    way: 'the method PUSH is always refused here; set it to 0',
  },
  'http.quick_filter.mask': {
    isLost: isOn,
    way: 'methods are refused by the rules of ip_allow.yaml; write them there, and remove the line',
  },
  'http.referer_filter': {
    isLost: isOn,
    way: 'requests are not refused by their Referer; do it in a plugin on TS_HTTP_READ_REQUEST_HDR_HOOK, and set it to 0',
  },
  'http.server_other_ports': { isLost: isPort, way: PORTS },
  'http.server_port': { isLost: isPort, way: PORTS },
  outgoing_ip_to_bind: {
    isLost: isSet,
    way: 'the system chooses the address of connections to origins, and a firewall may trust this one; remove the line if none does',
  },
  'socks.socks_needed': {
    isLost: isOn,
    way: 'socks.config is not read: traffic would go past the SOCKS server. Write it into parent.config, `dest_domain=. parent="socks5://host:port" go_direct=false`, and set it to 0',
  },
  'ssl.SSLv2': { isLost: isOn, way: OLD_TLS },
  'ssl.SSLv3': { isLost: isOn, way: OLD_TLS },
  'ssl.TLSv1': { isLost: isOn, way: OLD_TLS },
  'ssl.TLSv1_1': { isLost: isOn, way: OLD_TLS },
  'ssl.client.SSLv2': { isLost: isOn, way: OLD_TLS },
  'ssl.client.SSLv3': { isLost: isOn, way: OLD_TLS },
  'ssl.client.sni_policy': {
    isLost: value => isSet(value) && value !== 'host',
    way: "the name of an origin is always the request's (host); client_sni in sni.yaml announces another one. Remove the line",
  },
  'ssl.client.version.max': {
    isLost: isVersion,
    way: 'use proxy.config.ssl.client.TLSv1_2 and proxy.config.ssl.client.TLSv1_3, and set it to -1',
  },
  'ssl.client.version.min': {
    isLost: isVersion,
    way: 'use proxy.config.ssl.client.TLSv1_2 and proxy.config.ssl.client.TLSv1_3, and set it to -1',
  },
  'ssl.ocsp.enabled': {
    isLost: isOn,
    way: 'clients of ssl ports get no OCSP response: those that demand one would be refused. Set it to 0 if none does',
  },
  'ssl.server.cert_chain.filename': {
    isLost: isSet,
    way: 'name the file as ssl_ca_name in ssl_multicert.config, and remove the line',
  },
  'ssl.server_port': { isLost: isPort, way: PORTS },
  '~local.http.parent_proxy.disable_connect_tunneling': { isLost: isOn, way: NO_TUNNELS },
  '~local.incoming_ip_to_bind': {
    isLost: isSet,
    way: 'write ip-in=ADDRESS at the ports of proxy.config.http.server_ports, and remove the line',
  },
  '~local.outgoing_ip_to_bind': {
    isLost: isSet,
    way: 'the system chooses the address of connections to origins, and a firewall may trust this one; remove the line if none does',
  },
}

/** What a value protects that would be lost here, and the way out; undefined for a record that may be ignored. */
export function lostProtection(name: string, value: string): string | undefined {
  const word = name.startsWith('proxy.config.')
    ? name.slice('proxy.config.'.length)
    : name.replace(/^proxy\./, '~')
  const protection = Object.hasOwn(PROTECTIVE, word) ? PROTECTIVE[word] : undefined
  return protection?.isLost(value) ? protection.way : undefined
}
