-- min_sink: 1
-- Quotas: what each token stored on a day, and a quota of bytes beside the one of events.
-- SPDX-License-Identifier: Apache-2.0

ALTER TABLE telemetry.tokens ADD COLUMN quota_bytes_per_day bigint CHECK (quota_bytes_per_day > 0); -- null: the sink's default
DROP TRIGGER tokens_notify ON telemetry.tokens;
CREATE TRIGGER tokens_notify AFTER INSERT OR DELETE OR UPDATE OF project_id, key_id, secret_hash, scopes, label, contracts,
    rate_per_second, burst, quota_per_day, quota_bytes_per_day, signature, on_invalid, expires_at, revoked_at ON telemetry.tokens
    FOR EACH STATEMENT EXECUTE FUNCTION telemetry.notify_catalog();

-- A row for each connection that writes, so that no two transactions wait for one row; whoever reads adds them up. Written in
-- the transaction that stores the events, and only for tokens that have a quota.
CREATE TABLE telemetry.token_usage (
    day date NOT NULL,                                      -- in UTC, by the database's clock
    token_id int NOT NULL,
    writer int NOT NULL,                                    -- the connection: its backend's process number
    events bigint NOT NULL,
    bytes bigint NOT NULL,                                  -- of the events' text as the content hash takes it
    PRIMARY KEY (day, token_id, writer)
) WITH (fillfactor = 50);

-- When tokens were last used, in seconds since 1970. tokens_notify does not look at this column: no sink is woken.
CREATE FUNCTION telemetry.note_token_use(ids int[], seconds bigint[]) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    -- Locked in one order first: two sinks do this at the same time.
    WITH locked AS MATERIALIZED (SELECT t.id FROM telemetry.tokens t WHERE t.id = ANY (ids) ORDER BY t.id FOR NO KEY UPDATE)
    UPDATE telemetry.tokens t SET last_used_at = to_timestamp(i.at)
    FROM unnest(ids, seconds) AS i (id, at) JOIN locked l ON l.id = i.id
    WHERE t.id = i.id AND (t.last_used_at IS NULL OR t.last_used_at < to_timestamp(i.at))
$$;
REVOKE ALL ON FUNCTION telemetry.note_token_use(int[], bigint[]) FROM PUBLIC;

-- Days of usage are kept a while for whoever wants to look.
CREATE FUNCTION telemetry.forget_usage(older_than_days int) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    DELETE FROM telemetry.token_usage WHERE day < telemetry.today() - greatest(older_than_days, 1)
$$;
REVOKE ALL ON FUNCTION telemetry.forget_usage(int) FROM PUBLIC;
