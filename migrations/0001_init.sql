-- min_sink: 1
-- The data model: projects and tokens, contracts and their retention, events by day of expiry, the ledger of event
-- ids, quarantine, the views that answers are read through, and the functions that keep partitions and ledger.
-- SPDX-License-Identifier: Apache-2.0
--
-- Advisory locks of this schema, first number 1987016564: 1 the ledger (writers shared, rotation exclusive),
-- 2 making of partitions, 3 migrations, 4 contracts.

CREATE SCHEMA telemetry;

CREATE TABLE telemetry.schema_migrations (
    version int PRIMARY KEY,
    name text NOT NULL,
    sha256 bytea NOT NULL,
    min_sink int NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE telemetry.projects (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 128),
    max_class smallint NOT NULL DEFAULT 1 CHECK (max_class BETWEEN 0 AND 2),
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE telemetry.tokens (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    project_id int NOT NULL REFERENCES telemetry.projects,
    key_id text NOT NULL UNIQUE CHECK (key_id ~ '^[0-9A-Za-z]{10}$'),
    secret_hash bytea NOT NULL CHECK (octet_length(secret_hash) = 32),
    scopes text NOT NULL CHECK (scopes ~ '^(ingest|read|admin)(,(ingest|read|admin))*$'),
    label text CHECK (length(label) <= 256),
    contracts text[],                                       -- null: all
    rate_per_second double precision CHECK (rate_per_second > 0), -- this and the next two null: the sink's defaults
    burst int CHECK (burst > 0),
    quota_per_day bigint CHECK (quota_per_day > 0),
    signature text NOT NULL DEFAULT 'off' CHECK (signature IN ('off', 'optional', 'required')),
    on_invalid text NOT NULL DEFAULT 'reject' CHECK (on_invalid IN ('reject', 'quarantine')),
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,                                 -- null: never
    revoked_at timestamptz,
    last_used_at timestamptz
);
CREATE INDEX ON telemetry.tokens (project_id);

CREATE TABLE telemetry.contracts (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE,                              -- model-call.v1
    family text NOT NULL,                                   -- model-call
    version int NOT NULL CHECK (version > 0),
    class smallint NOT NULL CHECK (class BETWEEN 0 AND 3),
    schema_sha256 bytea NOT NULL CHECK (octet_length(schema_sha256) = 32),
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (family, version)
);

-- Every number of days that was ever in use, so that a time query knows where its rows can be. The row with the
-- latest valid_from is the one in use.
CREATE TABLE telemetry.contract_retention (
    contract_id int NOT NULL REFERENCES telemetry.contracts,
    project_id int REFERENCES telemetry.projects,           -- null: all projects
    days int NOT NULL CHECK (days BETWEEN -1 AND 36500),    -- -1: a date of the event's own; 0: no end
    valid_from timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON telemetry.contract_retention (contract_id, valid_from);

-- Events. A row lies in the week of the day on which it must be gone; a week whose end has passed is dropped whole.
-- expires_on 'infinity': no end, a date too far ahead, or on hold; due_on is then the day that it returns to.
-- The wide columns stand before the narrow ones, so that no byte is lost to alignment. No foreign keys: each would
-- cost a look-up a row, and projects, contracts and tokens are never deleted. Each index costs 2 to 4 of the 32 us and 70 to
-- 95 of the 1170 bytes of WAL that storing the usual event takes (measured), so there is none by event id alone: the
-- ledger knows contract and time of an id, and events_read finds it by these.
CREATE TABLE telemetry.events (
    received_at timestamptz NOT NULL,                       -- the database's clock
    occurred_at timestamptz,
    event_id uuid NOT NULL,
    project_id int NOT NULL,
    contract_id int NOT NULL,
    token_id int NOT NULL,                                  -- 0: taken without a token
    expires_on date NOT NULL,
    due_on date,
    hold_id int,
    class smallint NOT NULL,
    sha256 bytea NOT NULL,                                  -- of the minified text as sent
    client text COLLATE "C",
    session_id text COLLATE "C",
    trace_id text COLLATE "C",
    repository_id text COLLATE "C",
    payload jsonb COMPRESSION lz4 NOT NULL
) PARTITION BY RANGE (expires_on);
CREATE INDEX events_read ON telemetry.events (project_id, contract_id, received_at, event_id);
CREATE INDEX events_session ON telemetry.events (session_id) WHERE session_id IS NOT NULL;
CREATE INDEX events_trace ON telemetry.events (trace_id) WHERE trace_id IS NOT NULL;
CREATE INDEX events_repository ON telemetry.events (repository_id) WHERE repository_id IS NOT NULL;

-- The ledger: which event ids were taken. Generations of equal length, the newest is written, the older are only
-- looked up; dropping the oldest is how keys end. state: 0 stored, 1 quarantined, 2 erased (a tombstone).
CREATE TABLE telemetry.event_keys (
    received_at timestamptz NOT NULL,
    event_id uuid NOT NULL,
    project_id int NOT NULL,
    gen int NOT NULL,
    contract_id int NOT NULL,                               -- 0: quarantined without one
    expires_on date NOT NULL,
    state smallint NOT NULL DEFAULT 0 CHECK (state BETWEEN 0 AND 2),
    sha256 bytea,                                           -- null once erased
    CONSTRAINT event_keys_pk PRIMARY KEY (project_id, event_id, gen)
) PARTITION BY LIST (gen);
CREATE TABLE telemetry.event_keys_g1 (LIKE telemetry.event_keys INCLUDING ALL);
ALTER TABLE telemetry.event_keys ATTACH PARTITION telemetry.event_keys_g1 FOR VALUES IN (1);

CREATE TABLE telemetry.ledger (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    gen int NOT NULL,                                       -- the generation being written
    opened_at timestamptz NOT NULL
);
INSERT INTO telemetry.ledger (gen, opened_at) VALUES (1, now());

-- What failed its schema, or has no contract here, kept for a while where the token's policy says so.
CREATE TABLE telemetry.quarantine (
    received_at timestamptz NOT NULL,
    event_id uuid NOT NULL,
    project_id int NOT NULL,
    token_id int NOT NULL,
    expires_on date NOT NULL,
    code text NOT NULL,
    contract text,
    pointer text,
    body bytea COMPRESSION lz4 NOT NULL
) PARTITION BY RANGE (expires_on);
CREATE INDEX quarantine_time ON telemetry.quarantine (project_id, received_at, event_id);

-- The day of expiry of an event received on `today`. kind: 0 days from receipt, 1 a date of the event's own, 2 none.
-- A date beyond 400 days goes to the infinity partition, one that is past by now to today's.
CREATE FUNCTION telemetry.expiry_day(kind smallint, days int, day date, today date) RETURNS date
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE kind
        WHEN 0 THEN today + days
        WHEN 1 THEN CASE WHEN day > today + 400 THEN 'infinity'::date ELSE greatest(day, today) END
        ELSE 'infinity'::date
    END;

CREATE FUNCTION telemetry.today() RETURNS date
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN (now() AT TIME ZONE 'UTC')::date;

-- Makes the partition of `parent` for the week of `day` ('infinity': the one without end); false if it is there.
-- Made aside and then attached: that lock lets reads and writes go on. The caller sets lock_timeout.
CREATE FUNCTION telemetry.make_partition(parent text, day date) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    today date := (now() AT TIME ZONE 'UTC')::date;
    monday date;
    name text;
BEGIN
    IF parent IS NULL OR parent NOT IN ('events', 'quarantine') OR day IS NULL THEN
        RAISE EXCEPTION 'no such partitioned table' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF day = 'infinity' THEN
        name := parent || '_infinity';
    ELSE
        -- Only where a row can fall: dates of events' own, and a while around each number of days in use.
        IF NOT (day BETWEEN today - 7 AND today + 400 + 62
                OR EXISTS (SELECT FROM telemetry.contract_retention r
                           WHERE r.days > 0 AND day BETWEEN today + r.days - 7 AND today + r.days + 400)) THEN
            RAISE EXCEPTION 'no event can expire on %', day USING ERRCODE = 'invalid_parameter_value';
        END IF;
        monday := date_trunc('week', day::timestamp)::date;
        name := parent || '_p' || to_char(monday, 'YYYYMMDD');
    END IF;
    IF EXISTS (SELECT FROM pg_inherits WHERE inhparent = format('telemetry.%I', parent)::regclass
                                         AND inhrelid = to_regclass(format('telemetry.%I', name))) THEN
        RETURN false;
    END IF;
    PERFORM pg_advisory_xact_lock(1987016564, 2);
    IF EXISTS (SELECT FROM pg_inherits WHERE inhparent = format('telemetry.%I', parent)::regclass
                                         AND inhrelid = to_regclass(format('telemetry.%I', name))) THEN
        RETURN false;
    END IF;
    EXECUTE format('CREATE TABLE telemetry.%I (LIKE telemetry.%I INCLUDING ALL)', name, parent);
    IF day = 'infinity' THEN
        EXECUTE format('ALTER TABLE telemetry.%I ATTACH PARTITION telemetry.%I FOR VALUES FROM (%L) TO (MAXVALUE)',
                       parent, name, 'infinity');
    ELSE
        EXECUTE format('ALTER TABLE telemetry.%I ATTACH PARTITION telemetry.%I FOR VALUES FROM (%L) TO (%L)',
                       parent, name, monday, monday + 7);
    END IF;
    RETURN true;
END
$$;
REVOKE ALL ON FUNCTION telemetry.make_partition(text, date) FROM PUBLIC;

-- Opens the next generation if the current one was opened `generation_days` before `at` or earlier, and drops those
-- beyond the newest `keep`. Writers hold the same lock shared, so none writes into a generation after it is frozen.
CREATE FUNCTION telemetry.rotate_ledger(at timestamptz, generation_days int, keep int) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    next int;
    old record;
BEGIN
    IF at IS NULL OR generation_days IS NULL OR generation_days < 1 OR keep IS NULL OR keep < 2 THEN
        RAISE EXCEPTION 'a ledger needs two generations of a day' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM FROM telemetry.ledger WHERE opened_at <= at - make_interval(days => generation_days);
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM pg_advisory_xact_lock(1987016564, 1);
    UPDATE telemetry.ledger SET gen = gen + 1, opened_at = at
        WHERE opened_at <= at - make_interval(days => generation_days) RETURNING gen INTO next;
    IF next IS NULL THEN
        RETURN false; -- another sink was faster
    END IF;
    EXECUTE format('CREATE TABLE telemetry.event_keys_g%s (LIKE telemetry.event_keys INCLUDING ALL)', next);
    EXECUTE format('ALTER TABLE telemetry.event_keys ATTACH PARTITION telemetry.event_keys_g%s FOR VALUES IN (%s)',
                   next, next);
    FOR old IN SELECT c.oid::regclass AS partition FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
               WHERE i.inhparent = 'telemetry.event_keys'::regclass AND c.relname ~ '^event_keys_g[0-9]+$'
                 AND substr(c.relname::text, 13)::int <= next - keep LOOP
        EXECUTE format('DROP TABLE %s', old.partition);
    END LOOP;
    RETURN true;
END
$$;
REVOKE ALL ON FUNCTION telemetry.rotate_ledger(timestamptz, int, int) FROM PUBLIC;

-- What answers are read through: one project's rows, none of them past its day. Without
-- SET LOCAL telemetry.project_id they are empty.
CREATE FUNCTION telemetry.current_project() RETURNS int
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN nullif(current_setting('telemetry.project_id', true), '')::int;

CREATE VIEW telemetry.project_events WITH (security_barrier) AS
    SELECT received_at, occurred_at, event_id, project_id, contract_id, token_id, expires_on, due_on, hold_id, class,
           sha256, client, session_id, trace_id, repository_id, payload
    FROM telemetry.events
    WHERE project_id = telemetry.current_project() AND expires_on > telemetry.today()
      AND (expires_on < 'infinity' OR due_on IS NULL OR due_on > telemetry.today() OR hold_id IS NOT NULL);

-- The same for reading a page in order of time. A barrier view is planned by itself: the order must stand inside it, or
-- every row of the range is read and sorted for a page of a hundred (measured: 12 s against 13 ms).
CREATE VIEW telemetry.project_events_in_order WITH (security_barrier) AS
    SELECT received_at, occurred_at, event_id, project_id, contract_id, token_id, expires_on, due_on, hold_id, class,
           sha256, client, session_id, trace_id, repository_id, payload
    FROM telemetry.events
    WHERE project_id = telemetry.current_project() AND expires_on > telemetry.today()
      AND (expires_on < 'infinity' OR due_on IS NULL OR due_on > telemetry.today() OR hold_id IS NOT NULL)
    ORDER BY received_at, event_id;

-- Receipts outlive the event's day: they say that an id was taken, for as long as the ledger knows it.
CREATE VIEW telemetry.project_receipts WITH (security_barrier) AS
    SELECT k.event_id, k.project_id, c.name AS contract, k.received_at, k.sha256
    FROM telemetry.event_keys k JOIN telemetry.contracts c ON c.id = k.contract_id
    WHERE k.project_id = telemetry.current_project() AND k.state = 0;

CREATE VIEW telemetry.project_quarantine WITH (security_barrier) AS
    SELECT received_at, event_id, project_id, token_id, expires_on, code, contract, pointer, body
    FROM telemetry.quarantine
    WHERE project_id = telemetry.current_project() AND expires_on > telemetry.today();

-- Sinks listen for what changes who may do what; being used changes nothing.
CREATE FUNCTION telemetry.notify_catalog() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM pg_notify('vox_telemetry_catalog', '');
    RETURN NULL;
END
$$;
CREATE TRIGGER projects_notify AFTER INSERT OR UPDATE OR DELETE ON telemetry.projects
    FOR EACH STATEMENT EXECUTE FUNCTION telemetry.notify_catalog();
CREATE TRIGGER tokens_notify AFTER INSERT OR DELETE OR UPDATE OF project_id, key_id, secret_hash, scopes, label, contracts,
    rate_per_second, burst, quota_per_day, signature, on_invalid, expires_at, revoked_at ON telemetry.tokens
    FOR EACH STATEMENT EXECUTE FUNCTION telemetry.notify_catalog();

SELECT telemetry.make_partition('events', 'infinity'), telemetry.make_partition('quarantine', 'infinity');
