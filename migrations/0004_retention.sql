-- min_sink: 1
-- The end of rows: expired weeks are detached and dropped, rows without a week are deleted on their day; an index that
-- walks one session in order of time.
-- SPDX-License-Identifier: Apache-2.0
--
-- Advisory lock 5 of the schema: dropping of what has expired, one sink at a time.

-- Detaches and drops the partition of `parent` for the week that begins with `monday`, if every day of it has passed by the
-- database's clock. False: another sink is at it, or there is none. The caller sets lock_timeout: the lock on the parent
-- keeps writers out, for as long as it is waited for and held.
CREATE FUNCTION telemetry.drop_expired(parent text, monday date) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    today date := (now() AT TIME ZONE 'UTC')::date;
    name text := parent || '_p' || to_char(monday, 'YYYYMMDD');
BEGIN
    IF parent IS NULL OR parent NOT IN ('events', 'quarantine') OR monday IS NULL OR NOT isfinite(monday)
       OR extract(isodow FROM monday) <> 1 OR monday + 7 > today THEN
        RAISE EXCEPTION 'no such expired week' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF NOT pg_try_advisory_xact_lock(1987016564, 5) THEN
        RETURN false;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_inherits WHERE inhparent = format('telemetry.%I', parent)::regclass
                                             AND inhrelid = to_regclass(format('telemetry.%I', name))) THEN
        RETURN false;
    END IF;
    EXECUTE format('ALTER TABLE telemetry.%I DETACH PARTITION telemetry.%I', parent, name);
    EXECUTE format('DROP TABLE telemetry.%I', name);
    RETURN true;
END
$$;
REVOKE ALL ON FUNCTION telemetry.drop_expired(text, date) FROM PUBLIC;

-- Rows of the infinity partition whose day has come and that nobody holds: dates too far ahead for a week of their own.
CREATE INDEX events_infinity_due ON telemetry.events_infinity (due_on) WHERE due_on IS NOT NULL;

-- Deletes at most `at_most` of them; how many it were. Null: another sink is at it.
CREATE FUNCTION telemetry.delete_due(at_most int) RETURNS int
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    deleted int;
BEGIN
    IF NOT pg_try_advisory_xact_lock(1987016564, 5) THEN
        RETURN NULL;
    END IF;
    DELETE FROM telemetry.events_infinity WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM telemetry.events_infinity
        WHERE due_on <= (now() AT TIME ZONE 'UTC')::date AND hold_id IS NULL LIMIT at_most));
    GET DIAGNOSTICS deleted = ROW_COUNT;
    RETURN deleted;
END
$$;
REVOKE ALL ON FUNCTION telemetry.delete_due(int) FROM PUBLIC;

-- One project's session page by page, however many rows it has.
DROP INDEX telemetry.events_session;
CREATE INDEX events_session ON telemetry.events (project_id, session_id, received_at, event_id)
    WHERE session_id IS NOT NULL;
