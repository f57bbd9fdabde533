/** Plugins that come with Portcullis and take the place of parts of other proxies: their lines of plugin.config. */
export const PLUGINS = {
  access: 'access_rules file=access.yaml',
  validator: 'cert_validator',
} as const
