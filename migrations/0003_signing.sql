-- min_sink: 1
-- Signing keys of tokens, their secrets sealed under a master key that the database never sees.
-- SPDX-License-Identifier: Apache-2.0

-- kid is public. sealed: XChaCha20-Poly1305 of the secret, bound to kid and the token's key_id, as
-- server/gate/seal.h tells. A key verifies until not_after or retired_at, whichever comes first.
CREATE TABLE telemetry.token_keys (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    token_id int NOT NULL REFERENCES telemetry.tokens,
    kid text NOT NULL UNIQUE CHECK (kid ~ '^[0-9A-Za-z]{10}$'),
    kind text NOT NULL CHECK (kind IN ('hmac', 'ed25519')),
    sealed bytea CHECK (octet_length(sealed) BETWEEN 65 AND 105),
    public_key bytea CHECK (octet_length(public_key) = 32),
    created_at timestamptz NOT NULL DEFAULT now(),
    not_after timestamptz,                                  -- null: no end
    retired_at timestamptz,
    CHECK ((kind = 'hmac') = (sealed IS NOT NULL) AND (kind = 'ed25519') = (public_key IS NOT NULL))
);
CREATE INDEX ON telemetry.token_keys (token_id);

-- Which master key the secrets are sealed under: a keyed hash that the key makes and that tells nothing of it, so that
-- a sink with another key is told so.
CREATE TABLE telemetry.master_key (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    key_check bytea NOT NULL CHECK (octet_length(key_check) = 32),
    changed_at timestamptz NOT NULL DEFAULT now()
);

CREATE TRIGGER token_keys_notify AFTER INSERT OR UPDATE OR DELETE ON telemetry.token_keys
    FOR EACH STATEMENT EXECUTE FUNCTION telemetry.notify_catalog();
CREATE TRIGGER master_key_notify AFTER INSERT OR UPDATE OR DELETE ON telemetry.master_key
    FOR EACH STATEMENT EXECUTE FUNCTION telemetry.notify_catalog();
