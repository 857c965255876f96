/**
 * The environment variables of the commands that call a server. Commands that start a server may find
 * them in the same environment, and must not mistake them for misspelt settings.
 */
export const CLIENT_VARIABLES = {
  audience: 'POSTLUDE_AUDIENCE',
  idToken: 'POSTLUDE_ID_TOKEN',
  invocation: 'POSTLUDE_INVOCATION',
  realm: 'POSTLUDE_REALM',
  retryFor: 'POSTLUDE_RETRY_FOR',
  server: 'POSTLUDE_SERVER',
  spool: 'POSTLUDE_SPOOL',
  timeout: 'POSTLUDE_TIMEOUT',
  updateToken: 'POSTLUDE_UPDATE_TOKEN',
} as const;
