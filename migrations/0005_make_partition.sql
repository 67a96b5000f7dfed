-- min_sink: 1
-- make_partition() looks for a partition by the catalogue's rows, not by its name.
-- SPDX-License-Identifier: Apache-2.0
--
-- Two sinks that made the same week at one moment: the later one looked, waited for the lock, looked again and then
-- failed with 42P07. to_regclass() answers from the session's cache of names, and neither an advisory lock nor a table
-- that this transaction has locked before makes a session hear of what others made meanwhile; a query's snapshot does.

CREATE OR REPLACE FUNCTION telemetry.make_partition(parent text, day date) RETURNS boolean
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
    -- Once without the lock, since most calls find it there; once under it, with a snapshot of its own.
    FOR try IN 1..2 LOOP
        IF EXISTS (SELECT FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
                   WHERE i.inhparent = format('telemetry.%I', parent)::regclass AND c.relname = name
                     AND c.relnamespace = 'telemetry'::regnamespace) THEN
            RETURN false;
        END IF;
        IF try = 1 THEN
            PERFORM pg_advisory_xact_lock(1987016564, 2);
        END IF;
    END LOOP;
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
