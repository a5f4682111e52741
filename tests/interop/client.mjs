// openid-client, as its documentation has it: discovery, PKCE, code, userinfo, refresh, revocation.
// Arguments: issuer, client id, secret or private JWK, redirect URI, and where to go after logout.
// Prints the address to open, then reads the address of the callback from standard input.
import * as client from "openid-client";
import { createInterface } from "node:readline/promises";

const [issuer, id, secret, redirectUri, afterLogout] = process.argv.slice(2);
const options = { execute: [client.allowInsecureRequests] };
async function authentication() {
  if (!secret.startsWith("{")) return client.ClientSecretPost(secret);
  const jwk = JSON.parse(secret);
  const curve = { name: "ECDSA", namedCurve: "P-256" };
  const key = await crypto.subtle.importKey("jwk", jwk, curve, false, ["sign"]);
  return client.PrivateKeyJwt({ key, kid: jwk.kid });
}

const config = await client.discovery(
  new URL(issuer), id, undefined, await authentication(), options,
);
const verifier = client.randomPKCECodeVerifier();
const state = client.randomState();
const nonce = client.randomNonce();
const address = client.buildAuthorizationUrl(config, {
  redirect_uri: redirectUri,
  scope: "openid profile offline_access",
  code_challenge: await client.calculatePKCECodeChallenge(verifier),
  code_challenge_method: "S256",
  state,
  nonce,
});
console.log(address.href);
const lines = createInterface({ input: process.stdin });
const callback = new URL((await lines[Symbol.asyncIterator]().next()).value);
const tokens = await client.authorizationCodeGrant(config, callback, {
  pkceCodeVerifier: verifier,
  expectedState: state,
  expectedNonce: nonce,
});
const claims = tokens.claims();
const userinfo = await client.fetchUserInfo(config, tokens.access_token, claims.sub);
const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token);
const told = await client.tokenIntrospection(config, refreshed.access_token);
await client.tokenRevocation(config, refreshed.refresh_token);
const after = await client.tokenIntrospection(config, refreshed.access_token);
const machine = await client.clientCredentialsGrant(config);
const logout = client.buildEndSessionUrl(config, {
  id_token_hint: tokens.id_token,
  ...(afterLogout && { post_logout_redirect_uri: afterLogout, state: "bye-1" }),
});
console.log(
  JSON.stringify({
    name: userinfo.name,
    sub: claims.sub,
    acr: claims.acr,
    active: told.active,
    after: after.active,
    machine: machine.token_type,
    logout: logout.href,
  }),
);
process.exit(0);
