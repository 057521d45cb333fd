/**
 * What a Secret says about logging in to an HTTP server: the keys users know from Flagger, and those of a
 * `kubernetes.io/tls` Secret.
 */

export interface Credentials {
  /** The `Authorization` header. */
  readonly authorization: string | undefined;
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
}

/** For messages about a Secret without any of them. */
export const credentialKeys = 'token, username with password, ca.crt, tls.crt with tls.key';

export const noCredentials: Credentials = {
  authorization: undefined,
  ca: undefined,
  cert: undefined,
  key: undefined,
};

/** `undefined` when the Secret has none of the keys, or only one of two that belong together. */
export function readCredentials(secret: Readonly<Record<string, string>>): Credentials | undefined {
  // Secrets made from files end in a line break, which no header may hold.
  const text = (key: string): string | undefined => secret[key]?.replace(/\r?\n$/, '') || undefined;
  const [token, username, password] = [text('token'), text('username'), text('password')];
  const ca = text('ca.crt') ?? text('ca');
  const [cert, key] = [text('tls.crt'), text('tls.key')];

  if ((cert === undefined) !== (key === undefined)) return undefined;
  const needsPassword = token === undefined && (username ?? password) !== undefined;
  if (needsPassword && (username === undefined || password === undefined)) return undefined;
  if ((token ?? username ?? ca ?? cert) === undefined) return undefined;

  const authorization =
    token === undefined ? basicAuthorization(username, password) : `Bearer ${token}`;
  return { authorization, ca, cert, key };
}

/** The `Authorization` header for a name and a password; `undefined` without both. */
export function basicAuthorization(
  username: string | undefined,
  password: string | undefined,
): string | undefined {
  if (username === undefined || password === undefined) return undefined;
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

/** The `Authorization` header for the name and the password in an address; `undefined` when it has none. */
export function userOf({ username, password }: URL): string | undefined {
  if (username === '' && password === '') return undefined;
  return basicAuthorization(decoded(username), decoded(password));
}

/** A `%` that encodes nothing is meant as it stands. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
