import type { RecordRow } from './record-row.js'

/** Records about the program as a whole. */
export const GENERAL_RECORDS = {
  'proxy.config.proxy_name': {
    type: 'STRING',
    default: null,
    nullable: true,
    pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,255}$",
    shape: 'a word without blanks, such as proxy.example.com',
    reload: true,
    about: 'The name of this proxy in Via and Proxy-Status; NULL takes the host name.',
  },
  'proxy.config.plugin.plugin_dir': {
    type: 'STRING',
    default: 'plugins',
    shape: 'a folder',
    reload: true,
    about:
      'Where relative plugin paths of plugin.config are looked up first; relative to the configuration folder.',
  },
  'proxy.config.plugin.init_timeout': {
    type: 'INT',
    default: 10_000,
    minimum: 1,
    maximum: 2_147_483_647,
    unit: 'ms',
    reload: true,
    about: 'How long the init of one plugin may take before the start (or the reload) fails.',
  },
  'proxy.config.diags.debug.enabled': {
    type: 'INT',
    default: 0,
    enum: [0, 1],
    reload: true,
    about: '1 writes debug lines for the tags of proxy.config.diags.debug.tags.',
    refused: 'debugging single clients (2, 3) is not supported',
  },
  'proxy.config.diags.debug.tags': {
    type: 'STRING',
    default: 'http|dns',
    nullable: true,
    pattern: '^\\S+$',
    shape: 'a regular expression without blanks',
    reload: true,
    about:
      'A regular expression; debug tags that begin with a match are written, so `ssl` means `ssl.*`. NULL means none.',
  },
  'proxy.config.diags.logfile.filename': {
    type: 'STRING',
    default: 'stderr',
    pattern: '^\\S+$',
    shape: 'stdout, stderr, or a file name without blanks',
    reload: false,
    about:
      'Where log lines go: stdout, stderr, or a file (relative to the working directory) that is appended to.',
  },
  'proxy.config.url_remap.remap_required': {
    type: 'INT',
    default: 0,
    enum: [0],
    reload: false,
    about: 'A forward proxy has no remap rules; accepted so that a Traffic Server file loads.',
    refused: 'Portcullis is a forward proxy and has no remap rules',
  },
  'proxy.config.reverse_proxy.enabled': {
    type: 'INT',
    default: 0,
    enum: [0],
    reload: false,
    about: 'Portcullis is no reverse proxy; accepted so that a Traffic Server file loads.',
    refused: 'Portcullis is a forward proxy only',
  },
} as const satisfies Record<string, RecordRow>
