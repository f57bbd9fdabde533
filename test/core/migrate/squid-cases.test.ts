/**
 * The public files of Squid, with the outcomes of test/fixtures/configs/README.md. Longer than 250 lines because every folder
 * is a row.
 *
 * Where a row differs from that page:
 * - Lists of names whose file is missing are no rules: the line is undecided, and the file is named (47, 52, 55).
 * - `maxconn` alone on a deny line is proxy.config.net.per_client.max_connections_in, so it is changed (63).
 * - `sslproxy_cert_error allow all` is said aloud and not taken over: certificates are enforced, which allows less (56, 57).
 * - Without any `ssl_bump` line Squid bumps nothing, so nothing is bumped here; the missing include may hold one (54).
 * - Foreign intermediates have no counterpart and are lost: an origin with an incomplete chain is refused (60).
 */
import { test } from 'tap'
import { checkCase, type Expected } from './kit.js'

const PARENT = /cache_peer .*requests went to a parent proxy/
const INTERCEPT = /intercept: redirected connections are not taken/
const INCLUDE = /include .*conf\.d\/\*\.conf: there is no such file/
const PROBE = /connect\.verify probe/
const NO_LOGIN_FILE = /passwd does not exist; put its logins into htpasswd/
const DENY_PORTS =
  /rules:\n {2}- deny:\n {6}- "!Safe_ports"\n {2}- deny:\n {6}- CONNECT\n {6}- "!SSL_ports"\n/

const CASES: Readonly<Record<string, Expected>> = {
  '47-squid-allowlist-peek-terminate': {
    exit: 1,
    kept: [/http_access deny !Safe_ports/, /http_port 3128/, /http_access deny all/],
    changed: [PROBE],
    lost: [INTERCEPT],
    undecided: [/allow allowed_http_sites: not all of allowed_http_sites is known/, /terminate step2 all/],
    wrong: [
      /the port 3128 is there twice/,
      /logformat squid is built in/,
      /allowed-sites\.txt does not exist/,
    ],
    files: { 'access.yaml': DENY_PORTS },
  },
  '48-squid-tls-port-basic-auth': {
    exit: 1,
    kept: [/https_port 3128/, /auth_param basic/, /dns_nameservers 192\.0\.2\.53/],
    mind: [/allow CONNECT !SSL_ports: every port but 443/],
    wrong: [NO_LOGIN_FILE, /cert\.pem does not exist/],
    files: {
      'records.config': /server_ports STRING 3128:ssl 3128:ssl:ipv6\n/,
      'access.yaml': /rules:\n {2}- allow: \[\]\n/,
    },
  },
  '49-squid-package-cache-intercept': {
    exit: 1,
    kept: [/http_access allow all/],
    lost: [INTERCEPT, /\d+ lines mean nothing here/],
    mind: [/allow all: everybody may use this proxy/],
    undecided: [/url_rewrite_program/],
  },
  '50-squid-two-ports-one-with-login': {
    exit: 1,
    kept: [/http_port 3128/, /http_port 8080/, /http_access deny all/],
    changed: [/deny to_localhost: .*deny_private_origins 1/, /the format custom is/],
    undecided: [
      /allow NoAuthPort localnet: no rule can say NoAuthPort \(myport\)/,
      /deny NoAuthPort/,
      /auth_users \(proxy_auth\)/,
    ],
    none: [/there is no acl All/],
  },
  '51-squid-office-ntlm-unfilled': {
    exit: 1,
    undecided: [/external_acl_type Groups_AD/],
    wrong: [
      /squid\.conf:1: <DOMAIN_NAME>/,
      /squid\.conf:6: <Free_NAME>/,
      /squid\.conf:10: <Name of Free_NAME>/,
    ],
    files: { 'access.yaml': /deny: \[\]\n$/ },
  },
  '52-squid-office-kerberos-groups': {
    exit: 1,
    lost: [/\d+ lines mean nothing here/],
    undecided: [
      /auth_param negotiate/,
      /auth_param ntlm/,
      /auth_param basic/,
      /external_acl_type group/,
      /deny blocked_words: no rule can say/,
      /allow users staff lan hours: no rule can say staff \(external\), no rule can say hours \(time\)/,
    ],
    wrong: [/names\.txt does not exist/],
    files: { 'access.yaml': /^lists: \{\}\nrules:\n {2}- deny: \[\]\n$/ },
  },
  '53-squid-outgoing-address-per-port': {
    exit: 1,
    kept: [/auth_param basic/, /via off/, /forwarded_for delete/],
    changed: [/User-Agent deny all: .*anonymize_other_header_list has User-Agent/],
    lost: [/request_header_replace/],
    mind: [/no port has ssl-bump/],
    undecided: [/squid\.conf:25: tcp_outgoing_address/],
    files: { 'access.yaml': /rules:\n {2}- allow: \[\]\n/ },
  },
  '54-squid-filter-intercept-bump': {
    exit: 1,
    lost: [INTERCEPT, /config_webpage \(dst\); what it allowed is not/],
    wrong: [INCLUDE],
  },
  '55-squid-office-hours': {
    exit: 1,
    kept: [/http_access deny !Safe_ports/, /http_access allow localnet/, /auth_param basic/],
    lost: [INTERCEPT],
    undecided: [/office_hours \(time\)/, /deny blocked_sites/],
    wrong: [NO_LOGIN_FILE],
  },
  '56-squid-client-certificate-and-parent': {
    exit: 1,
    // The one parent serves all requests without a login: it is kept, and nothing goes past it.
    changed: [
      /client\.pem: .*client\.cert\.filename/,
      /deny to_linklocal: .*deny_private_origins 1/,
      /cache_peer parent\.example\.net: a parent in parent\.config/,
      /never_direct allow: go_direct=false/,
    ],
    mind: [/cert_error allow all: .*excused/, /names are resolved here/],
    wrong: [INCLUDE],
    files: {
      'records.config':
        /no_dns_just_forward_to_parent INT 0\n[\s\S]*client\.private_key\.filename STRING client_private_key\.pem\n/,
      'parent.config': /^dest_domain=\. parent="parent\.example\.net:3129" go_direct=false\n$/,
    },
    notInFiles: /policy STRING PERMISSIVE/,
  },
  '57-squid-bump-cache-3': {
    exit: 1,
    kept: [/http_access allow purge localhost/, /http_access allow localnet/, /NO_SSLv3: never spoken/],
    changed: [/connect\.verify bump, with the authority .*myCA\.pem/, /capath \/etc\/ssl\/certs/],
    lost: [/\d+ lines mean nothing here/, INTERCEPT],
    mind: [/DONT_VERIFY_PEER: certificates of origins are NOT verified/, /cert_error allow all/],
    wrong: [/myCA\.pem does not exist/],
    files: { 'records.config': /verify\.server INT 0\n/ },
  },
  '58-squid-bump-cache-5': {
    exit: 1,
    kept: [/cert_error deny all: ENFORCED/],
    changed: [/connect\.verify bump, with the authority \/squid_ssl\/squid-self-signed\.crt/],
    lost: [/intermediate_fetching/, /\d+ lines mean nothing here/],
    files: { 'access.yaml': DENY_PORTS },
  },
  '59-squid-rotating-parents-with-login': {
    exit: 1,
    kept: [/http_access allow localnet/],
    undecided: [PARENT, /never_direct/],
    none: [/USER|PASSWORD|PASSTHRU/],
    files: { 'access.yaml': DENY_PORTS },
    notInFiles: /PASSWORD/,
  },
  '60-squid-validator-and-outgoing-tls': {
    exit: 1,
    kept: [/PERMISSIVE for legacy\.example\.net/, /PERMISSIVE for 203\.0\.113\.3/, /min-version=1\.2/],
    changed: [/the plugin cert_validator runs \/opt\/validator/, /cipher HIGH:MEDIUM/],
    lost: [/sslproxy_foreign_intermediate_certs/],
    mind: [/Safe_ports and safe_ports are one ACL/, /acl safe_ports has every port/],
    undecided: [/follow_x_forwarded_for/],
    wrong: [
      /10\.\.25\.0\.0\/16 is no address/,
      /write options=NO_SSLv3/,
      /workloads\/\*\.conf: there is no such file/,
    ],
    files: {
      'plugin.config':
        /^cert_validator "cmd=\/opt\/validator\/bin\/squid-certificate-validator\.sh" children=1 concurrency=0 ttl=600$/m,
      'sni.yaml': /fqdn: legacy\.example\.net\n {4}verify_server_policy: PERMISSIVE/,
    },
  },
  '61-squid-icap-antivirus': {
    exit: 1,
    lost: [/squid\.conf:18: icap_service: a scanner that may be left out/],
    mind: [/there is no http_access: no client is allowed/],
    undecided: [/squid\.conf:20: icap_service/, /squid\.conf:9: http_reply_access/],
    files: { 'access.yaml': /^lists: \{\}\nrules:\n {2}- deny: \[\]\n$/ },
  },
  '62-squid-accelerator-2': {
    exit: 1,
    undecided: [/httpd_accel_host: this was a reverse proxy/],
    wrong: [/acl acceleratedProtocol: protocol is no type/],
    files: { 'access.yaml': /localnetwork:\n {4}clients:\n {6}- 192\.168\.1\.0\/24\n/ },
    notInFiles: /REMOVED/,
  },
  '63-squid-hours-and-bandwidth': {
    exit: 1,
    changed: [/deny connections: .*per_client\.max_connections_in 64/],
    lost: [/\d+ lines mean nothing here/],
    mind: [/delay_pools: Squid ignores available_hour0/],
    undecided: [/available_hour1 \(time\)/, /reply_body_max_size/],
    wrong: [/acl all_https: ssl::https is no type/],
  },
  '64-squid-proxy-protocol-digest-auth': {
    exit: 1,
    kept: [/http_access deny !Safe_ports/],
    changed: [/the format timefm is/],
    undecided: [/auth_param digest/, /http_port 35201: the PROXY header/, /proxy_protocol_access/],
  },
  '65-squid-crlf-include': {
    exit: 1,
    kept: [/http_access deny social/, /http_access allow new_net/, /http_port 3128/],
    wrong: [INCLUDE],
    files: {
      'access.yaml':
        /deny:\n {6}- social\n {2}- allow:\n {6}- localhost\n {2}- allow:\n {6}- new_net\n {2}- deny: \[\]\n$/,
    },
  },
}

for (const [name, expected] of Object.entries(CASES)) test(name, async t => checkCase(t, name, expected))

test('there is a row for each folder of Squid', async t => {
  t.equal(Object.keys(CASES).length, 19)
})
