// SPDX-License-Identifier: Apache-2.0
// Applies the embedded migrations, each in a transaction that holds the migration lock.
#include "server/store/migrate.h"
#include "lib/wire/event_text.h"
#include "server/store/migrations.h"
#include "server/store/pg.h"

// Waits for another migrator as long as that takes.
#define LOCK_SQL                                                              \
    "SET LOCAL lock_timeout = 0; SELECT pg_advisory_xact_lock(" PG_LOCK_ARGS( \
        PG_LOCK_MIGRATIONS) ");"                                              \
                            " SET LOCAL lock_timeout = '30s'"

static void digest_of(const struct migration *migration, uint8_t ret_digest[static SHA256_LEN])
{
    sha256(str_slice(migration->sql, migration->sql_len), ret_digest);
}

// The number behind "-- min_sink:" on the first line; 0 if there is none.
static int min_sink_of(const struct migration *migration)
{
    struct str rest = str_slice(migration->sql, migration->sql_len);
    struct str line = str_cut(&rest, '\n');
    uint64_t value;
    if (!str_starts(line, STR("-- min_sink:")) ||
        !str_to_u64(str_trim(str_skip(line, sizeof("-- min_sink:") - 1)), &value) || value > INT32_MAX)
        return 0;
    return (int)value;
}

static bool has_table(struct db *db, bool *ret_there, struct err *err)
{
    const struct pg_params none = {0};
    PGresult *result;
    if (!pg_run(db, "SELECT to_regclass('telemetry.schema_migrations') IS NOT NULL", &none, DB_NO_DEADLINE,
                &result, err))
        return false;
    *ret_there = pg_bool(result, 0, 0);
    PQclear(result);
    return true;
}

// What the database says of one migration.
static bool look_up(struct db *db, const struct migration *migration, struct migration_state *ret_state,
                    struct err *err)
{
    *ret_state = (struct migration_state){
        .version = migration->version, .name = migration->name, .sql = migration->sql};
    bool there;
    if (!has_table(db, &there, err))
        return false;
    if (!there)
        return true;
    struct pg_params params = {0};
    PGresult *result;
    pg_param_i32(&params, migration->version);
    if (!pg_run(db, "SELECT sha256, applied_at FROM telemetry.schema_migrations WHERE version = $1", &params,
                DB_NO_DEADLINE, &result, err))
        return false;
    if (PQntuples(result) > 0) {
        uint8_t digest[SHA256_LEN];
        digest_of(migration, digest);
        ret_state->applied = true;
        ret_state->changed = !str_eq(pg_text(result, 0, 0), str_slice(digest, sizeof(digest)));
        ret_state->applied_at = pg_time(result, 0, 1);
    }
    PQclear(result);
    return true;
}

bool store_migrations(struct db *db, struct arena *arena, struct migration_state **ret_rows,
                      size_t *ret_count, struct err *err)
{
    struct migration_state *rows = arena_alloc(arena, migration_count * sizeof(*rows));
    if (!rows)
        return err_set(err, "no memory for the list of migrations");
    for (size_t i = 0; i < migration_count; i++)
        if (!look_up(db, &migrations[i], &rows[i], err))
            return false;
    *ret_rows = rows;
    *ret_count = migration_count;
    return true;
}

// A sentence without its beginning, which names the migration.
#define CHANGED                                        \
    "was applied to this database with another text; " \
    "use the vox-sink release that applied it, or restore the file"

static bool record(struct db *db, const struct migration *migration, struct err *err)
{
    uint8_t digest[SHA256_LEN];
    struct pg_params params = {0};
    digest_of(migration, digest);
    pg_param_i32(&params, migration->version);
    pg_param_text(&params, str_from(migration->name));
    pg_param_bytes(&params, digest, sizeof(digest));
    pg_param_i32(&params, min_sink_of(migration));
    return pg_run(db,
                  "INSERT INTO telemetry.schema_migrations (version, name, sha256, min_sink)"
                  " VALUES ($1, $2, $3, $4)",
                  &params, DB_NO_DEADLINE, NULL, err);
}

// Inside the transaction, under the lock.
static bool apply_locked(struct db *db, const struct migration *migration, bool *ret_applied, struct err *err)
{
    struct migration_state state;
    *ret_applied = false;
    if (!pg_run(db, LOCK_SQL, NULL, DB_NO_DEADLINE, NULL, err) || !look_up(db, migration, &state, err))
        return false;
    if (state.changed)
        return err_set(err, "it " CHANGED);
    if (state.applied)
        return true;
    if (min_sink_of(migration) < 1)
        return err_set(err, "it does not begin with \"-- min_sink: N\"");
    if (!pg_run(db, migration->sql, NULL, DB_NO_DEADLINE, NULL, err) || !record(db, migration, err))
        return false;
    *ret_applied = true;
    return true;
}

static bool apply(struct db *db, const struct migration *migration, bool *ret_applied, struct err *err)
{
    if (pg_begin(db, DB_NO_DEADLINE, err)) {
        if (apply_locked(db, migration, ret_applied, err) && pg_commit(db, DB_NO_DEADLINE, err))
            return true;
        pg_rollback(db, DB_NO_DEADLINE);
    }
    return err_prefix(err, "migration %04d_%s", migration->version, migration->name);
}

bool store_migrate(struct db *db, void (*applied)(void *context, int version, const char *name),
                   void *context, struct err *err)
{
    for (size_t i = 0; i < migration_count; i++) {
        bool fresh = false;
        if (!apply(db, &migrations[i], &fresh, err))
            return false;
        if (fresh && applied)
            applied(context, migrations[i].version, migrations[i].name);
    }
    return true;
}

bool store_schema_fits(struct db *db, struct err *err)
{
    for (size_t i = 0; i < migration_count; i++) {
        struct migration_state state;
        if (!look_up(db, &migrations[i], &state, err))
            return false;
        if (!state.applied)
            return err_set(err, "the database lacks migration %04d_%s; run vox-sink migrate",
                           migrations[i].version, migrations[i].name);
        if (state.changed)
            return err_set(err, "migration %04d_%s " CHANGED, migrations[i].version, migrations[i].name);
    }
    return store_generation_fits(db, err);
}

bool store_generation_fits(struct db *db, struct err *err)
{
    bool there;
    if (!has_table(db, &there, err))
        return false;
    if (!there)
        return true;
    const struct pg_params none = {0};
    PGresult *result;
    if (!pg_run(db, "SELECT coalesce(max(min_sink), 0) FROM telemetry.schema_migrations", &none,
                DB_NO_DEADLINE, &result, err))
        return false;
    int needed = pg_i32(result, 0, 0);
    PQclear(result);
    if (needed > SINK_GENERATION)
        return err_set(err,
                       "the database was migrated for vox-sink generation %d and this one is %d; "
                       "run a newer vox-sink",
                       needed, SINK_GENERATION);
    return true;
}
