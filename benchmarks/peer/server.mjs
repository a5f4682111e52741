// node oidc-provider with the same work to do: one client, PKCE, opaque access tokens.
// Arguments: port, id token algorithm, address of Redis or nothing.
import { generateKeyPairSync } from "node:crypto";
import { Provider } from "oidc-provider";
import Redis from "ioredis";

const [port, alg, redisUrl] = process.argv.slice(2);
const redis = redisUrl ? new Redis(redisUrl, { keyPrefix: "peer:" }) : null;

// Short-lived state in Redis: one value for each artifact, and an index for what is found otherwise.
class RedisAdapter {
  constructor(name) {
    this.name = name;
  }
  key(id) {
    return `${this.name}:${id}`;
  }
  async upsert(id, payload, expiresIn) {
    const writes = redis.multi();
    writes.set(this.key(id), JSON.stringify(payload), "EX", expiresIn || 3600);
    if (payload.uid) writes.set(`uid:${payload.uid}`, id, "EX", expiresIn || 3600);
    if (payload.grantId && this.name !== "Grant") {
      writes.rpush(`grant:${payload.grantId}`, this.key(id));
      writes.expire(`grant:${payload.grantId}`, 3600);
    }
    await writes.exec();
  }
  async find(id) {
    const value = await redis.get(this.key(id));
    return value ? JSON.parse(value) : undefined;
  }
  async findByUid(uid) {
    const id = await redis.get(`uid:${uid}`);
    return id ? this.find(id) : undefined;
  }
  async findByUserCode() {
    return undefined;
  }
  async consume(id) {
    const payload = await this.find(id);
    if (payload) {
      payload.consumed = Math.floor(Date.now() / 1000);
      await redis.set(this.key(id), JSON.stringify(payload), "KEEPTTL");
    }
  }
  async destroy(id) {
    await redis.del(this.key(id));
  }
  async revokeByGrantId(grantId) {
    const keys = await redis.lrange(`grant:${grantId}`, 0, -1);
    if (keys.length) await redis.del(...keys);
    await redis.del(`grant:${grantId}`);
  }
}

// The adapter that the package brings keeps a thousand artifacts and would evict the live session
// under load; this one keeps all of them, as plain values.
const artifacts = new Map();
const byUid = new Map();
const byGrant = new Map();

class MemoryAdapter {
  constructor(name) {
    this.name = name;
  }
  key(id) {
    return `${this.name}:${id}`;
  }
  async upsert(id, payload, expiresIn) {
    const key = this.key(id);
    artifacts.set(key, { payload, expiresAt: Date.now() + (expiresIn || 3600) * 1000 });
    if (payload.uid) byUid.set(payload.uid, id);
    if (payload.grantId && this.name !== "Grant") {
      const keys = byGrant.get(payload.grantId);
      if (keys) keys.push(key);
      else byGrant.set(payload.grantId, [key]);
    }
  }
  async find(id) {
    const entry = artifacts.get(this.key(id));
    return entry && entry.expiresAt > Date.now() ? entry.payload : undefined;
  }
  async findByUid(uid) {
    return this.find(byUid.get(uid));
  }
  async findByUserCode() {
    return undefined;
  }
  async consume(id) {
    const payload = await this.find(id);
    if (payload) payload.consumed = Math.floor(Date.now() / 1000);
  }
  async destroy(id) {
    artifacts.delete(this.key(id));
  }
  async revokeByGrantId(grantId) {
    for (const key of byGrant.get(grantId) ?? []) artifacts.delete(key);
    byGrant.delete(grantId);
  }
}

const key =
  alg === "RS256"
    ? generateKeyPairSync("rsa", { modulusLength: 2048 })
    : generateKeyPairSync("ec", { namedCurve: "P-256" });
const jwk = { ...key.privateKey.export({ format: "jwk" }), use: "sig", alg, kid: "bench" };

const provider = new Provider(`http://127.0.0.1:${port}`, {
  adapter: redis ? RedisAdapter : MemoryAdapter,
  clients: [
    { client_id: "bench", grant_types: ["authorization_code", "client_credentials"] },
    { client_id: "renewing", grant_types: ["authorization_code", "refresh_token"] },
  ].map((client) => ({
    ...client,
    client_secret: "bench-secret-bench-secret-bench-secret",
    redirect_uris: ["https://rp.test/cb"],
    response_types: ["code"],
    token_endpoint_auth_method: "client_secret_basic",
    id_token_signed_response_alg: alg,
  })),
  jwks: { keys: [jwk] },
  cookies: { keys: ["a-key-of-the-benchmark-only"] },
  claims: { openid: ["sub"], profile: ["name"] },
  features: {
    devInteractions: { enabled: true },
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
  },
  issueRefreshToken: (_ctx, client) => client.grantTypeAllowed("refresh_token"),
  rotateRefreshToken: true,
  findAccount: (_ctx, id) => ({
    accountId: id,
    claims: () => ({ sub: id, name: "Nguyễn Thị Lan" }),
  }),
});
provider.listen(Number(port), "127.0.0.1", () => console.log("ready"));
