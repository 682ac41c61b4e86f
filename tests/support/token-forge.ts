// Tokens as an attacker or another program would make them, byte by byte; and a server that publishes keys.
import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export const SECRET = 'MIIr0vQk3pT8yWnLx5cZbG7hJd2sAfU9eR4mK6tVqXoN1wCi';

type Json = Readonly<Record<string, unknown>>;

export const seconds = (fromNow: number): number => Math.floor(Date.now() / 1000) + fromNow;

export const base64url = (text: string | Buffer): string => Buffer.from(text).toString('base64url');

/** Valid claims; the given ones replace them, and `undefined` removes a claim. */
export function claims(changes: Json = {}): Json {
  return { sub: 'alice', exp: seconds(600), iat: seconds(0), ...changes };
}

/** A token signed with HMAC; the payload may be text or bytes as well, for what no object can hold. */
export function forge(payload: Json | string | Buffer, header: Json = {}, secret: string | Buffer = SECRET): string {
  const head = JSON.stringify({ alg: 'HS256', typ: 'JWT', ...header });
  const isRaw = typeof payload === 'string' || Buffer.isBuffer(payload);
  const body = isRaw ? payload : JSON.stringify(payload);
  const signed = `${base64url(head)}.${base64url(body)}`;
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}

export interface Signer {
  readonly publicKey: KeyObject;
  /** The public half as it is published. */
  readonly jwk: Json;
  sign(payload: Json, header?: Json): string;
}

/** A key pair of an issuer, RS256. */
export function makeSigner(kid: string, modulusLength = 2048): Signer {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength });
  return {
    publicKey,
    jwk: { ...publicKey.export({ format: 'jwk' }), kid, use: 'sig', alg: 'RS256' },
    sign: (payload, header = {}) => {
      const head = base64url(JSON.stringify({ alg: 'RS256', kid, typ: 'JWT', ...header }));
      const signed = `${head}.${base64url(JSON.stringify(payload))}`;
      return `${signed}.${sign('sha256', Buffer.from(signed), privateKey).toString('base64url')}`;
    },
  };
}

export interface KeyServer {
  /** Address of the key set. */
  readonly url: string;
  /** Requests so far, for any path. */
  readonly requests: readonly string[];
  /** Sets the answer from now on. */
  answer: (res: ServerResponse) => void;
  /** Publishes these keys from now on. */
  publish(...signers: Signer[]): void;
  close(): Promise<void>;
}

export async function startKeyServer(): Promise<KeyServer> {
  const requests: string[] = [];
  const server = createServer((req, res) => {
    requests.push(req.url ?? '');
    keyServer.answer(res);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const keyServer: KeyServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`,
    requests,
    answer: (res) => void res.end('{"keys":[]}'),
    publish: (...signers) => {
      keyServer.answer = (res) => void res.end(JSON.stringify({ keys: signers.map(({ jwk }) => jwk) }));
    },
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return keyServer;
}
