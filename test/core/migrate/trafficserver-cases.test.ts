/**
 * The public folders of Traffic Server, with the outcomes of test/fixtures/configs/README.md. Longer than 250 lines because
 * every folder is a row.
 *
 * Where a row differs from that page:
 * - Records that only releases 3 to 8 knew are lost with the others in one count, and no error: a name that Traffic Server
 *   knows is no typo.
 * - `remap_required` that is not set counts as 1, its default: a proxy that was closed does not become an open one because
 *   a line is missing (24, 27, 29, 32, 36 to 42, 44).
 * - `apply: out` rules that deny private addresses become deny_private_origins; the exceptions from it are lost, since
 *   less is allowed then (44, 45).
 */
import { test } from 'tap'
import { checkCase, type Expected } from './kit.js'

const CLOSED = /remap_required.*closed this proxy/
const OPEN = /everybody may use this proxy/
const OFF = /certificates of origins are NOT verified/
const IGNORED = /records\.\w+: \d+ records? means? nothing here/
const NO_CERTIFICATE = /speak TLS, and no line names a certificate/
const CACHE = /storage\.\w+: Portcullis does not cache/

const CASES: Readonly<Record<string, Expected>> = {
  '01-stock-10-yaml': {
    exit: 1,
    kept: [/server_ports 8080 8080:ipv6/, /policy PERMISSIVE/, /transaction_active_timeout_in 900/],
    changed: [/deny_private_origins 1/, /rules become ip_allow\.yaml/, /the format squid is/],
    lost: [IGNORED, /1 filters/, CACHE],
    mind: [/PERMISSIVE: a bad certificate/, OPEN],
    undecided: [CLOSED],
    none: [/plugin\.config/, /sni\.yaml/, /remap\.config:/, /parent\.config/],
  },
  '02-stock-9-config': {
    exit: 1,
    kept: [/server_ports/],
    lost: [IGNORED, /2 map rules/],
    undecided: [CLOSED],
  },
  '03-cdn-edge-9-verification-off': {
    exit: 1,
    kept: [/server_ports 80 443:ssl/],
    mind: [OFF],
    undecided: [CLOSED],
    wrong: [NO_CERTIFICATE],
    files: { 'records.config': /verify\.server INT 0\n/ },
  },
  '04-cdn-many-tls-ports': {
    exit: 1,
    changed: [
      /becomes 80 443:ssl 1025 .* 20001 20002:ssl$/m,
      /h08\.example\.net\.cert|h08\.example\.org\.cert for \*/,
    ],
    lost: [/mode ascii_pipe/, /4 filters/, /8 map rules/],
    undecided: [CLOSED, /ddos_plugin/, /cdn_plugin/, /waf_plugin/, /parent\.config:1: dest_domain/],
    wrong: [/logfile_perm must be as rw-r--r--, not rw-r-r/],
  },
  '05-video-cache-8': {
    exit: 1,
    kept: [/server_ports/, /debug\.tags NULL/, /verify\.server 0/],
    changed: [/the format squid is/],
    lost: [CACHE],
    mind: [OFF],
    undecided: [CLOSED, /remap\.config:5: the map rule has @/],
    files: { 'records.config': /log\.format STRING %<cqtq> \|Latency=%<ttms> \|/ },
  },
  '06-disk-cache-6-raw-devices': {
    exit: 1,
    changed: [/server_ports 1220,5460 becomes 1220 5460/],
    lost: [/xdebug/, /stats_over_http: `portcullis ctl status`/, /cacheurl/, CACHE],
    undecided: [CLOSED, /remap\.config:1: the map rule has @plugin/],
    wrong: [/migrate_threshold: a type or a value is missing/],
  },
  '07-site-5-every-record': {
    exit: 1,
    lost: [IGNORED],
    undecided: [CLOSED],
    wrong: [/read_while_writer_max_retries/, /spdy\.enabled$/m],
    none: [/collation_secret|REMOVED/],
  },
  '08-ancient-3-every-record': {
    exit: 1,
    kept: [/verify\.server 0/],
    mind: [OFF],
    undecided: [CLOSED, /ssl\.SSLv3/, /ssl\.TLSv1:/, /ssl\.server_port/],
  },
  '09-forward-5-tls-port': {
    exit: 1,
    kept: [/server_ports 443:ssl/, /connect_ports 8080 80 5228 443 8443/],
    changed: [/ssl\.server\.cert\.path/],
    mind: [OFF],
    undecided: [/remap\.config:1: the map rule sends requests to another origin/],
    wrong: [NO_CERTIFICATE],
  },
  '10-forward-5-tabs-and-blanks': {
    exit: 1,
    kept: [/server_ports 8080$/m, /remap_required 0$/m],
    undecided: [/plugin\.config:1: the plugin report_plugin is not known/],
  },
  '11-forward-6-container': {
    exit: 0,
    changed: [/4 rules become ip_allow\.yaml/],
    mind: [OFF, OPEN],
  },
  '12-pasted-lines-7': {
    exit: 1,
    changed: [/verify\.server 1 becomes .*ENFORCED/, /4 rules become/],
    undecided: [CLOSED],
    wrong: [/records\.config:1:/, /records\.config:32:/, /records\.config:56:/, /records\.config:70:/],
    files: { 'ip_allow.yaml': /::1[\s\S]*::-ffff[\s\S]*0\.0\.0\.0-255/ },
  },
  '13-forward-8-config': {
    exit: 0,
    kept: [/server_ports/, /remap_required 0/],
    changed: [/rules become ip_allow\.yaml/, /the format extended is/],
    mind: [OFF],
  },
  '14-cache-8-crlf-doubled-records': {
    exit: 1,
    kept: [/server_ports 80$/m],
    changed: [/server_ports is set at records\.config:9 as well/, /the format custom is/],
    undecided: [/push_method_enabled/, /remap\.config:1: .*@plugin/],
  },
  '15-cache-9-lines-appended': {
    exit: 1,
    kept: [/server_ports/],
    lost: [CACHE, /volume\.config/, /hosting\.config/],
    undecided: [CLOSED],
  },
  '16-ingress-9': {
    exit: 1,
    kept: [/server_ports 8080 8443:ssl 8080:ipv6 8443:ssl:ipv6/, /log\.logfile_dir \//],
    lost: [/healthchecks: ask/, /stats_over_http/],
    undecided: [CLOSED, /tslua/],
    wrong: [NO_CERTIFICATE],
  },
  '17-ingress-7-container': {
    exit: 1,
    kept: [/transaction_no_activity_timeout_in 3600/],
    changed: [/7 rules become/, /insert_request_via_str 3 becomes 1/],
    lost: [/esi/, IGNORED],
    undecided: [CLOSED, /the plugin kubernetes/, /ssl\.ocsp\.enabled/],
  },
  '18-transparent-9-outgoing-address': {
    exit: 1,
    kept: [/policy ENFORCED/, /CA\.cert\.path \/etc\/ssl\/certs/, /insert_request_via_str 0/],
    undecided: [/tr-in: redirected connections/, /ip-out=10\.121\.10\.82/],
  },
  '19-forward-certifier-three-records': {
    exit: 1,
    kept: [/server_ports 8080/],
    changed: [/certifier becomes .*connect\.verify bump, with \/etc\/trafficserver\/certifier\/ca\.crt/],
    lost: [/certificates are kept in memory/],
    wrong: [/ca\.key does not exist/],
    files: { 'records.config': /connect\.verify STRING bump/ },
  },
  '20-forward-9-office': {
    exit: 1,
    kept: [/connections_throttle 30000/, /nameservers NULL/],
    changed: [/4 rules become/, /the format audit is/],
    undecided: [/the plugin proxy_filter is not known/],
    files: {
      'ip_allow.yaml':
        /192\.168\.89\.0\/24\n {4}action: allow\n {4}methods:\n(?: {6}- \w+\n){7}[\s\S]*0\.0\.0\.0-255\.255\.255\.255\n {4}action: deny\n {4}methods: ALL/,
    },
  },
  '21-tunnel-port-range': {
    exit: 1,
    kept: [/connect_ports 443 6650-6660/, /ssl\.CA\.cert\.filename ca\.cert\.pem/],
    wrong: [NO_CERTIFICATE],
  },
  '22-forward-10-records-yaml': {
    exit: 0,
    kept: [/server_ports 8080 8080:ipv6/, /CA\.cert\.filename NULL/, /policy PERMISSIVE/],
    lost: [IGNORED],
  },
  '23-cache-10-container': {
    exit: 1,
    changed: [/rules become ip_allow\.yaml/, /the log access is/, /the format custom is/],
    lost: [/stats_over_http/, /xdebug/, CACHE],
    undecided: [CLOSED],
    files: { 'ip_allow.yaml': /172\.16\.0\.0\/12\n {4}action: allow\n {4}methods:\n {6}- GET\n {6}- HEAD\n/ },
  },
  '24-quic-10-small': {
    exit: 1,
    changed: [/becomes 8080 4443:ssl/, /localhost\.crt for \*/],
    lost: [/quic: QUIC is not spoken/, /mode binary/, /volume\.config/],
    undecided: [CLOSED],
  },
  '25-both-records-files': { exit: 1, wrong: [/records\.yaml: there is records\.config as well/] },
  '26-hierarchy-10-child': {
    exit: 1,
    // The line is in a syntax that is read here: its two parents stay in the way.
    kept: [/server_ports/, /parent\.config:1: dest_domain=backend/],
    changed: [/4 rules become/],
    lost: [/xdebug/, /background_fetch/],
    undecided: [/header_rewrite/],
    files: { 'parent.config': /parent="l2-0\.example\.net:8080;l2-1\.example\.net:8080".* go_direct=false/ },
  },
  '27-root-key-proxy-config': { exit: 1, wrong: [/unknown root key "proxy".*records \(or ts/] },
  '28-forward-10-parent-chain': {
    // Nothing is left to decide: all traffic goes through the same parents as before.
    exit: 0,
    kept: [/server_ports/, /connect_ports 443 563/, /parent\.config:21: dest_domain=\./],
    changed: [/the format combined is/],
    mind: [/parent\.config:1: dest_ip counts for requests that name an address/],
    files: { 'parent.config': /^dest_ip=10\.0\.0\.0-[\s\S]*round_robin=strict\n$/ },
    none: [/storage|remap\.config:/],
  },
  '29-no-records-ltsv-log': {
    exit: 1,
    changed: [/the format ltsv is/],
    lost: [/fields without a counterpart.*%<chm>/],
    mind: [/there are no records: the defaults hold/],
    undecided: [CLOSED],
    files: { 'records.config': /log\.format STRING timestamp:%<cqtq>\thost:%<chi>\tuser:/ },
  },
  '30-lab-10-odd-yaml': {
    exit: 1,
    changed: [/becomes 80$/m, /2 rules become/],
    mind: [OPEN],
    undecided: [CLOSED],
    none: [/connect\.down/],
  },
  '31-reverse-six-records': { exit: 1, lost: [CACHE, /1 map rules/], undecided: [CLOSED] },
  '32-plugin-line-only': { exit: 1, undecided: [/waf_module/] },
  '33-forward-9-local-only': {
    exit: 0,
    kept: [/connect_ports \*/, /server_ports 13480 13480:ipv6/],
    changed: [/4 rules become/],
    files: {
      'ip_allow.yaml': /127\.0\.0\.1[\s\S]*::1[\s\S]*0\/0\n {4}action: deny[\s\S]*::\/0\n {4}action: deny/,
    },
  },
  '34-forward-8-small-typos': {
    exit: 1,
    kept: [/remap_required 0/],
    wrong: [/logging\.yaml:20: mode assic is none of/, /records\.config:19: .*custom_log_enabled/],
  },
  '35-cache-7-type-missing': {
    exit: 1,
    changed: [/the format squid is/],
    undecided: [CLOSED],
    wrong: [/records\.config:6: proxy\.config\.cache\.ram_cache\.size: a type or a value is missing/],
  },
  '36-sni-9-outbound-policy': {
    exit: 1,
    kept: [
      /a\.example\.net: verify_server_policy ENFORCED, verify_server_properties ALL/,
      /bad_name\.example\.net/,
    ],
    changed: [
      /random\.example\.org: verify_server_policy DISABLED becomes verify_server 0/,
      /\*a\.example\.org: two rules/,
    ],
    undecided: [/b\.\*\.example\.org/, /client_sni_policy: remap/],
    files: {
      'sni.yaml':
        /a\.example\.net[\s\S]*\*\.wild\.example\.net[\s\S]*bad_name[\s\S]*random\.example\.org\n {4}verify_server: 0/,
    },
  },
  '37-sni-10-inbound-and-tunnels': {
    exit: 1,
    undecided: [
      /tunnel_route/,
      /inbound_port_ranges/,
      /host_sni_policy/,
      /boBliTe\.example\.net: verify_client/,
      /few\.example\.net: ip_allow/,
      /valid_tls_version_max_in/,
      /8444:ssl:pp: pp/,
    ],
    none: [/hc\.example\.net: verify_client.*\n.*Undecided/],
  },
  '38-sni-8-old-spelling': {
    exit: 1,
    kept: [/one\.example\.net: .*client_cert somepem\.pem/],
    changed: [
      /STRICT becomes verify_server_policy ENFORCED/,
      /NONE becomes verify_server 0/,
      /MODERATE becomes verify_server_policy PERMISSIVE/,
      /verify\.server 2 becomes .*PERMISSIVE/,
    ],
    lost: [/disable_h2/],
    undecided: [/two\.example\.net: tunnel_route/, /two\.example\.net: ip_allow/, /verify_client/],
  },
  '39-sni-9-both-spellings': {
    exit: 1,
    undecided: [
      /verify\.server 1 means ENFORCED, and .*policy says PERMISSIVE/,
      /verify_origin_server STRICT means ENFORCED, and verify_server_policy says PERMISSIVE/,
      /http2 is on, and disable_h2 says off/,
    ],
    files: { 'sni.yaml': /one\.example\.net\n {4}verify_server_policy: ENFORCED/ },
  },
  '40-sni-7-lua-tunnels': {
    exit: 1,
    kept: [/server_ports 4443:ssl 4080/, /connect_ports 4443 6651/],
    changed: [/one\.example\.org: verify_origin_server STRICT becomes/],
    undecided: [/broker-vip\.example\.net: tunnel_route/],
    wrong: [/is a folder, and \/proxy-cert\.pem a file/],
  },
  '41-multicert-9-every-key': {
    exit: 1,
    changed: [/ecdsa_pub\.pem,rsa_pub\.pem for \*/, /certificate is for all ports of 2001:db8::1/],
    lost: [/ssl_ticket_enabled/, /ssl_ocsp_name/],
    undecided: [/action=tunnel/, /ssl_key_dialog/],
    wrong: [/ssl_multicert\.config:4: ssl_cert_name is given twice/],
    none: [/mypass/],
  },
  '42-multicert-11-yaml': {
    exit: 1,
    changed: [/server\.pem for \*/, /bar\.pem for \*/, /all ports of 192\.0\.2\.1/],
    lost: [/ssl_ticket_number/],
    undecided: [/action=tunnel/, /ssl_key_dialog/],
  },
  '43-parent-rules-and-neighbours': {
    exit: 1,
    // What names parents is read here. Line 4 wants other answers than of connections to count, which is not.
    kept: [
      /server_ports 8080/,
      /remap_required 0/,
      /no_dns_just_forward_to_parent 1/,
      /parent\.config:1: dest_domain=\./,
      /parent\.config:2: url_regex=politics/,
      /parent\.config:3: dest_host=/,
      /parent\.config:5: dest_domain=\./,
    ],
    undecided: [/proxy_auth_to_parent/, /splitDNS/, /socks_needed/, /parent\.config:4: .*parent_retry/],
  },
  '44-ip-allow-10-rich': {
    exit: 1,
    changed: [/the group INTERNAL is spelled out/, /deny_private_origins 1/],
    files: {
      'ip_allow.yaml':
        /172\.16\.0\.0\/20\n {6}- 192\.168\.1\.0\/24\n {4}action: allow[\s\S]*192\.0\.2\.0-192\.0\.2\.123\n {4}action: deny/,
    },
  },
  '45-ip-allow-8-rich': {
    exit: 1,
    changed: [/10\.0\.0\.0-10\.0\.255\.255: .*deny_private_origins 1/],
    undecided: [/origins 172\.16\.0\.0\/16: no rule denies methods/, /origins 192\.168\.0\.0\/16/],
    files: {
      'ip_allow.yaml':
        /192\.0\.2\.0-192\.0\.2\.123\n {4}action: allow[\s\S]*198\.51\.100\.0\/24\n {4}action: deny/,
    },
  },
  '46-forward-9-crlf': {
    exit: 0,
    kept: [/server_ports 8080$/m, /connect_ports 443 563$/m, /policy ENFORCED$/m],
    lost: [/stats_over_http/],
  },
}

for (const [name, expected] of Object.entries(CASES)) test(name, async t => checkCase(t, name, expected))

test('there is a row for each folder of Traffic Server', async t => {
  t.equal(Object.keys(CASES).length, 46)
})
