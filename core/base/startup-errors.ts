import { type ErrorKind, startup } from './error-kind.js'

/** The errors that no client waits for: of configurations, plugins and commands. A part of the closed table. */
export const STARTUP_ERRORS = {
  PTC_USAGE: startup('See `portcullis --help`.'),
  PTC_CONFIG_INVALID: startup(
    'Correct every place that the message names; behind the errors of each kind it says what to do.',
  ),
  PTC_CONFIG_MISSING: startup(
    '`portcullis init DIR` writes a commented configuration that starts; -D DIR names the folder of another one.',
  ),
  PTC_CONFIG_EXISTS: startup('Choose another folder, or move the existing files: nothing is overwritten.'),
  PTC_CONFIG_UNREADABLE: startup('Check that the file exists and that the proxy may read it.'),
  PTC_RECORDS_INVALID: startup(
    'Correct the lines that the message names; every bad record is listed at once.',
  ),
  PTC_UNDECIDED: startup(
    'Decide about each line of undecided.config that the message shows, and delete it: each kept something out before `portcullis migrate`.',
  ),
  PTC_MIGRATE: startup(
    'Give `migrate` a folder of Traffic Server or Squid, and `--to` a folder that is empty or not there.',
  ),
  PTC_SAVED_CHAIN: startup(
    'Give `replay` a file that `try --save` has written, and `--save` one that can be.',
  ),
  PTC_RULES_INVALID: startup(
    'Correct the lines of sni.yaml that the message names; every mistake is listed.',
  ),
  PTC_IP_ALLOW_INVALID: startup('Correct the lines of ip_allow.yaml that the message names.'),
  PTC_SSL_MULTICERT_INVALID: startup(
    'Lines of ssl_multicert.config are dest_ip=* ssl_cert_name=FILE ssl_key_name=FILE.',
  ),
  PTC_TEMPLATE_INVALID: startup('Correct the templates in body_factory/default that the message names.'),
  PTC_HTPASSWD_INVALID: startup('Names and bcrypt hashes, as `htpasswd -B FILE NAME` writes them.'),
  PTC_PARENT_CONFIG_INVALID: startup(
    'Correct the lines of parent.config, or the record or the file, that the message names.',
  ),
  PTC_PLUGIN_CONFIG_INVALID: startup('Correct the lines of plugin.config that the message names.'),
  PTC_PLUGIN_NOT_FOUND: startup('Correct the path in plugin.config, or set proxy.config.plugin.plugin_dir.'),
  PTC_PLUGIN_SHAPE: startup('A plugin exports its init function as default and puts functions on hooks.'),
  PTC_PLUGIN_TYPESCRIPT: startup(
    'Compile the plugin to JavaScript, or run a Node that strips types: 22.18, 23.6 or newer.',
  ),
  PTC_PLUGIN_CALL: startup('A plugin passed something that the call does not take; the message says what.'),
  PTC_FETCH_DENIED: startup(
    'A plugin may not fetch from there; allow_private on its line is for sources in private networks.',
  ),
  PTC_FETCH_FAILED: startup('A source of a plugin gave no answer that could be used; the message says why.'),
  PTC_PLUGIN_INIT_FAILED: startup('The plugin threw while it was initialised; the cause is in the message.'),
  PTC_PLUGIN_INIT_SLOW: startup(
    'The plugin did not finish its init in time: proxy.config.plugin.init_timeout.',
  ),
  PTC_PLUGIN_WORKER: startup(
    'A worker of a plugin with @isolate=worker crashed, hung, or used up its memory; the log says which and when.',
  ),
  PTC_HOOK_UNKNOWN: startup('Use a hook id of the reference; ids are spelled as in Traffic Server.'),
  PTC_HOOKS_SEALED: startup('Call hookAdd during init, not later.'),
  PTC_PLUGIN_EXISTS: startup('Choose another name, or move the existing files: nothing is overwritten.'),
  PTC_TEST_KIT: startup('A test asked the kit for something it cannot do; the message says what.'),
  PTC_OPENSSL_MISSING: startup(
    'Run on a Node whose binary carries OpenSSL 3.0.2 or newer: Node 18 and later from nodejs.org.',
  ),
  PTC_TLS_CONTEXT: startup(
    'Correct what the message names: a file with a certificate, key or authority, or a list of ciphers or groups.',
  ),
  PTC_CRL_UNUSABLE: startup(
    'Name complete revocation lists in force, in PEM; the message says which list cannot be used, and why.',
  ),
  PTC_CA_EXISTS: startup(
    'Move the files that the message names: clients may trust the old authority, so it is never overwritten.',
  ),
  PTC_LOG_UNWRITABLE: startup(
    'Check that the folder of the log exists or can be made, and that the proxy may write there.',
  ),
  PTC_PORT_UNAVAILABLE: startup(
    'Another program listens there, or the port needs privileges: proxy.config.http.server_ports.',
  ),
  PTC_ADMIN_SOCKET: startup(
    'Set proxy.config.admin.socket to a path that the proxy may write to, or to NULL for no management.',
  ),
  PTC_ADMIN_DENIED: startup(
    'Send the token of proxy.config.admin.token_file as `Authorization: Bearer`, or open the link of `portcullis ctl dashboard`.',
  ),
  PTC_ADMIN_PORT: startup(
    'Set proxy.config.admin.listen to a free loopback address and port, and proxy.config.admin.token_file to a file that the proxy may read or make.',
  ),
  PTC_ADMIN_REQUEST: startup('List what exists with `portcullis ctl status`, `ctl parked`, `ctl verdicts`.'),
  PTC_ADMIN_UNREACHABLE: startup(
    'Start the proxy with the same -D, and run ctl as the same user; proxy.config.admin.socket says where.',
  ),
  PTC_REVOCATION: startup(
    'Revoke a host, a public key, a certificate, a remembered verdict by its key, or all.',
  ),
} as const satisfies Record<string, ErrorKind>
