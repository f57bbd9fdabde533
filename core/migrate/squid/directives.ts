/** Directives that need no reader: what becomes of each. */
import type { Outcome } from '../findings.js'

interface Fate {
  readonly pattern: RegExp
  readonly outcome: Extract<Outcome, 'lost' | 'undecided'>
  readonly why: string
  /** Whether a line with these arguments is meant; every line, without it. */
  readonly isMeant?: (args: readonly string[]) => boolean
}

const SCANNER = 'no scanner is asked; write a plugin that asks it'

/** The first that matches counts. */
export const FATES: readonly Fate[] = [
  {
    pattern: /^tcp_outgoing_(?:address|mark|tos|dscp)$/,
    outcome: 'undecided',
    why: 'the system chooses the address of connections to origins, and a firewall may trust this one',
  },
  {
    pattern: /^(?:url_rewrite_program|redirect_program|location_rewrite_program)$/,
    outcome: 'undecided',
    why: 'no program is asked about URLs; the plugin exec asks one about certificates',
  },
  {
    pattern: /^(?:icap_service|ecap_service)$/,
    outcome: 'lost',
    why: 'a scanner that may be left out',
    isMeant: args => args.some(arg => /^bypass=(?:1|on)$/.test(arg)),
  },
  { pattern: /^(?:icap_service|ecap_service)$/, outcome: 'undecided', why: SCANNER },
  {
    pattern: /^http_reply_access$/,
    outcome: 'undecided',
    why: 'responses are not refused by type or field; write a plugin on TS_HTTP_READ_RESPONSE_HDR_HOOK',
    isMeant: ([word]) => word === 'deny',
  },
  {
    pattern: /^(?:reply_body_max_size|request_body_max_size)$/,
    outcome: 'undecided',
    why: 'the size of bodies has no limit here',
  },
  {
    pattern: /^external_acl_type$/,
    outcome: 'undecided',
    why: 'no program is asked about requests; write a plugin on TS_HTTP_READ_REQUEST_HDR_HOOK',
  },
  {
    pattern: /^proxy_protocol_access$/,
    outcome: 'undecided',
    why: 'the PROXY header is not read; say in ip_allow.yaml which clients may connect',
  },
  {
    pattern: /^follow_x_forwarded_for$/,
    outcome: 'undecided',
    why: 'the address of a client is that of its connection',
    isMeant: ([word]) => word === 'allow',
  },
  {
    pattern: /^httpd_accel_/,
    outcome: 'undecided',
    why: 'this was a reverse proxy, and Portcullis is a forward proxy',
  },
  {
    pattern: /^(?:authenticate_ip_shortcircuit_access|auth_schemes)$/,
    outcome: 'undecided',
    why: 'there is Basic login only',
  },
  {
    pattern: /^reply_header_access$/,
    outcome: 'lost',
    why: 'this field is not removed; write a plugin on TS_HTTP_SEND_RESPONSE_HDR_HOOK',
    isMeant: ([, word]) => word === 'deny',
  },
  {
    pattern:
      /^(?:request_header_replace|header_replace|request_header_add|reply_header_replace|reply_header_add)$/,
    outcome: 'lost',
    why: 'fields are changed by plugins',
  },
]

/** Directives about caches, processes, pages and the like. They are counted. */
export const IGNORED =
  /^(?:cache(?:_.*)?|no_cache|refresh_.*|.*_object_size(?:_in_memory)?|memory_.*|store_.*|storeurl_.*|quick_abort_.*|negative_.*|positive_.*|minimum_expiry_time|range_offset_limit|collapsed_forwarding|icp_.*|htcp_.*|snmp_.*|mcast_.*|digest_.*|delay_.*|client_delay_.*|workers|cpu_affinity_map|coredump_dir|pid_filename|logfile_.*|debug_options|log_.*|strip_query_terms|buffered_logs|emulate_httpd_log|error_.*|err_.*|deny_info|email_err_data|announce_.*|cachemgr_passwd|mail_.*|unique_hostname|hostname_aliases|umask|chroot|shutdown_lifetime|.*_timeout|.*_retry.*|half_closed_clients|(?:client|server)_persistent_connections|persistent_.*|pipeline_prefetch|tcp_recv_bufsize|client_netmask|client_ip_max_connections|qos_flows|dns_(?!nameservers).*|hosts_file|append_domain|ignore_unknown_nameservers|ipcache_.*|fqdncache_.*|ident_lookup_access|ident_.*|sslcrtd_.*|url_rewrite_.*|redirector_.*|redirect_.*|store_id_.*|icap_.*|ecap_.*|adaptation_.*|loadable_modules|httpd_suppress_version_string|http_upgrade_request_protocols|always_direct|prefer_direct|nonhierarchical_direct|hierarchy_stoplist|never_direct|follow_x_forwarded_for|acl_uses_indirect_client|delay_pool_uses_indirect_client|log_uses_indirect_client|http_reply_access|request_header_access|header_access|reply_header_access|htcp_access|miss_access|balance_on_multiple_ip|max_filedescriptors|via|forwarded_for|ftp_.*|unlinkd_program|pinger_.*|diskd_program|global_internal_static|short_icon_urls|wccp.*|as_whois_server|offline_mode|uri_whitespace|relaxed_header_parser|reload_into_ims|vary_.*|windows_.*|high_.*|sleep_after_fork|eui_lookup|auth_param|ssl_engine|ssl_unclean_shutdown|.*_user_agent|http_accel_.*|incoming_.*|check_hostnames|allow_underscore|dns_v4_first|max_stale|detect_broken_pconn|client_dst_passthru|host_verify_strict|spoof_client_ip|on_unsupported_protocol|force_request_body_continuation|server_pconn_for_nonretriable|stats_collection|access_log|acl|visible_hostname|authenticate_.*|tls_key_log|configuration_includes_quoted_values|service_name|netdb_.*|query_icmp|test_reachability|buffered_.*|reply_.*|request_entities|ie_refresh|retry_on_error|maximum_single_addr_tries|connect_.*|forward_max_tries)$/
