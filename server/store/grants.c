// SPDX-License-Identifier: Apache-2.0
// The table of rights, made into GRANT statements and into the question whether a login has them.
#include "server/store/grants.h"
#include "server/store/pg.h"

#include <stdarg.h>

#define NAME_MAX_LEN 63
#define SQL_CEILING  ((size_t)64 * 1024)

// Privileges as GRANT takes them, one a row; `columns` where it is for some columns only.
static const struct right {
    const char *object;
    const char *columns;
    const char *privilege;
    bool ingest, read;
} rights[] = {
    {"schema_migrations", NULL, "SELECT", true, true},
    {"projects", NULL, "SELECT", true, false},
    {"tokens", NULL, "SELECT", true, false},
    {"token_usage", NULL, "SELECT", true, false},
    {"token_usage", NULL, "INSERT", true, false},
    {"token_usage", NULL, "UPDATE", true, false},
    {"token_keys", NULL, "SELECT", true, false},
    {"master_key", NULL, "SELECT", true, false},
    {"contracts", NULL, "SELECT", true, true},
    {"contracts", NULL, "INSERT", true, false},
    {"contracts", NULL, "UPDATE", true, false},
    {"contract_retention", NULL, "SELECT", true, true},
    {"contract_retention", NULL, "INSERT", true, false},
    {"ledger", NULL, "SELECT", true, false},
    {"event_keys", NULL, "SELECT", true, false},
    {"event_keys", NULL, "INSERT", true, false},
    // What storing gives back; never the payload.
    {"events", "received_at, event_id, project_id", "SELECT", true, false},
    {"events", NULL, "INSERT", true, false},
    {"quarantine", "received_at, event_id, project_id", "SELECT", true, false},
    {"quarantine", NULL, "INSERT", true, false},
    {"project_events", NULL, "SELECT", false, true},
    {"project_events_in_order", NULL, "SELECT", false, true},
    {"project_receipts", NULL, "SELECT", false, true},
    {"project_quarantine", NULL, "SELECT", false, true},
    {"make_partition(text, date)", NULL, "EXECUTE", true, false},
    {"rotate_ledger(timestamptz, int, int)", NULL, "EXECUTE", true, false},
    {"drop_expired(text, date)", NULL, "EXECUTE", true, false},
    {"delete_due(int)", NULL, "EXECUTE", true, false},
    {"note_token_use(int[], bigint[])", NULL, "EXECUTE", true, false},
    {"forget_usage(int)", NULL, "EXECUTE", true, false},
};

static bool is_function(const struct right *right)
{
    return strcmp(right->privilege, "EXECUTE") == 0;
}

bool store_roles_check(const struct store_roles *roles, struct err *err)
{
    const struct {
        const char *option, *name;
    } rows[] = {{"ingest_role", roles->ingest}, {"read_role", roles->read}, {"owner_role", roles->owner}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct str name = str_from(rows[i].name);
        bool good = name.len > 0 && name.len <= NAME_MAX_LEN && !char_is_digit(name.ptr[0]) &&
                    !str_starts(name, STR("pg_"));
        for (size_t k = 0; good && k < name.len; k++)
            good = (name.ptr[k] >= 'a' && name.ptr[k] <= 'z') || char_is_digit(name.ptr[k]) ||
                   name.ptr[k] == '_';
        if (!good)
            return err_set(err,
                           "%s is \"%.80s\"; a role's name here is lower-case letters, digits and _, at most "
                           "63, and does not begin with a digit or pg_",
                           rows[i].option, rows[i].name);
        for (size_t k = 0; k < i; k++)
            if (strcmp(rows[k].name, rows[i].name) == 0)
                return err_set(err, "%s and %s name the same role", rows[k].option, rows[i].option);
    }
    return true;
}

// ---- roles and ownership

static bool answer(struct db *db, const char *sql, bool *ret_answer, struct err *err)
{
    const struct pg_params none = {0};
    PGresult *result;
    if (!pg_run(db, sql, &none, DB_NO_DEADLINE, &result, err))
        return false;
    *ret_answer = PQntuples(result) == 1 && pg_bool(result, 0, 0);
    PQclear(result);
    return true;
}

// Names are checked, so that they may stand in SQL as they are.
PRINTF_LIKE(3, 4)
static bool run(struct db *db, struct err *err, const char *format, ...)
{
    char sql[1024];
    va_list args;
    va_start(args, format);
    int length = vsnprintf(sql, sizeof(sql), format, args);
    va_end(args);
    BUG_ON(length < 0 || (size_t)length >= sizeof(sql));
    return pg_run(db, sql, NULL, DB_NO_DEADLINE, NULL, err);
}

static void say_lacking(const struct store_roles *roles, const char *login, const char *database,
                        struct err *err)
{
    err_set(err,
            "the roles of least privilege are not set up, because this login may not make them; once, as a "
            "superuser: CREATE ROLE %s NOLOGIN; CREATE ROLE %s NOLOGIN; CREATE ROLE %s NOLOGIN; "
            "GRANT %s TO %s; GRANT CREATE ON DATABASE \"%s\" TO %s; then vox-sink migrate again",
            roles->ingest, roles->read, roles->owner, roles->owner, login, database, login);
}

// Could this login make or use what is missing? Looked at first, so that nothing is left half done.
static bool look_at_login(struct db *db, const struct store_roles *roles, bool *ret_may, struct err *err)
{
    char sql[1024];
    snprintf(sql, sizeof(sql),
             "SELECT u.rolsuper OR has_database_privilege(current_database(), 'CREATE') AND (u.rolcreaterole"
             " OR (SELECT count(*) = 3 FROM pg_roles WHERE rolname IN ('%s', '%s', '%s'))"
             "  AND pg_has_role(current_user, (SELECT oid FROM pg_roles WHERE rolname = '%s'), 'MEMBER'))"
             " FROM pg_roles u WHERE u.rolname = current_user",
             roles->ingest, roles->read, roles->owner, roles->owner);
    return answer(db, sql, ret_may, err);
}

static bool make_role(struct db *db, const char *name, struct err *err)
{
    // Roles are the whole cluster's: a migration of another database may make it at the same time.
    return run(db, err,
               "DO $$BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '%s') THEN"
               " CREATE ROLE %s NOLOGIN; END IF;"
               " EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END$$",
               name, name);
}

static bool give_to_owner(struct db *db, const char *owner, struct err *err)
{
    return run(db, err,
               "DO $$BEGIN IF NOT pg_has_role(current_user, '%s', 'MEMBER') THEN GRANT %s TO CURRENT_USER;"
               " END IF; END$$",
               owner, owner) &&
           run(db, err,
               "DO $$DECLARE o record; BEGIN"
               " IF (SELECT nspowner <> '%s'::regrole FROM pg_namespace WHERE nspname = 'telemetry') THEN"
               "  ALTER SCHEMA telemetry OWNER TO %s; END IF;"
               " FOR o IN SELECT c.oid::regclass AS name, c.relkind FROM pg_class c"
               "  WHERE c.relnamespace = 'telemetry'::regnamespace AND c.relkind IN ('r', 'p', 'v')"
               "   AND c.relowner <> '%s'::regrole ORDER BY c.oid LOOP"
               "  EXECUTE format('ALTER TABLE %%s OWNER TO %s', o.name); END LOOP;"
               " FOR o IN SELECT p.oid::regprocedure AS name FROM pg_proc p"
               "  WHERE p.pronamespace = 'telemetry'::regnamespace AND p.proowner <> '%s'::regrole LOOP"
               "  EXECUTE format('ALTER FUNCTION %%s OWNER TO %s', o.name); END LOOP; END$$",
               owner, owner, owner, owner, owner, owner);
}

// ---- what each may do

static void put_grant(struct buf *sql, const struct right *right, const char *role)
{
    buf_putf(sql, "GRANT %s", right->privilege);
    if (right->columns)
        buf_putf(sql, " (%s)", right->columns);
    buf_putf(sql, " ON %s telemetry.%s TO %s;", is_function(right) ? "FUNCTION" : "TABLE", right->object,
             role);
}

static bool set_rights(struct db *db, const struct store_roles *roles, struct err *err)
{
    struct buf sql;
    buf_init(&sql, SQL_CEILING);
    const char *names[] = {roles->ingest, roles->read};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        buf_putf(&sql,
                 "REVOKE ALL ON ALL TABLES IN SCHEMA telemetry FROM %s;"
                 "REVOKE ALL ON ALL FUNCTIONS IN SCHEMA telemetry FROM %s;"
                 "REVOKE ALL ON SCHEMA telemetry FROM %s; GRANT USAGE ON SCHEMA telemetry TO %s;",
                 names[i], names[i], names[i], names[i]);
    for (size_t i = 0; i < ARRAY_LEN(rights); i++) {
        if (rights[i].ingest)
            put_grant(&sql, &rights[i], roles->ingest);
        if (rights[i].read)
            put_grant(&sql, &rights[i], roles->read);
    }
    buf_put_char(&sql, '\0');
    bool ok = buf_ok(&sql) ? pg_run(db, sql.ptr, NULL, DB_NO_DEADLINE, NULL, err)
                           : err_set(err, "no memory for the grants");
    buf_release(&sql);
    return ok;
}

static bool grant_locked(struct db *db, const struct store_roles *roles, struct err *err)
{
    // Roles made by two migrations of one database at once, or rights set by both, would fail one of them.
    return pg_run(db, "SELECT pg_advisory_xact_lock(" PG_LOCK_ARGS(PG_LOCK_MIGRATIONS) ")", NULL,
                  DB_NO_DEADLINE, NULL, err) &&
           make_role(db, roles->ingest, err) && make_role(db, roles->read, err) &&
           make_role(db, roles->owner, err) && give_to_owner(db, roles->owner, err) &&
           set_rights(db, roles, err);
}

enum grant_result store_grant(struct db *db, const struct store_roles *roles, struct err *err)
{
    bool may;
    if (!look_at_login(db, roles, &may, err))
        return GRANT_FAILED;
    if (!may) {
        say_lacking(roles, PQuser(db->conn), PQdb(db->conn), err);
        return GRANT_LACKING;
    }
    if (pg_begin(db, DB_NO_DEADLINE, err)) {
        if (grant_locked(db, roles, err) && pg_commit(db, DB_NO_DEADLINE, err))
            return GRANT_DONE;
        pg_rollback(db, DB_NO_DEADLINE);
    }
    err_prefix(err, "setting up the roles %s, %s and %s", roles->ingest, roles->read, roles->owner);
    return GRANT_FAILED;
}

// ---- does a login have them?

// A row (what, has) for one right.
static void put_question(struct buf *sql, const struct right *right)
{
    buf_putf(sql, "SELECT '%s on %s', ", right->privilege, right->object);
    if (is_function(right))
        buf_putf(sql, "has_function_privilege('telemetry.%s', 'EXECUTE')", right->object);
    else if (right->columns)
        buf_putf(sql,
                 "(SELECT bool_and(has_column_privilege('telemetry.%s', c, '%s'))"
                 " FROM unnest(string_to_array('%s', ', ')) c)",
                 right->object, right->privilege, right->columns);
    else
        buf_putf(sql, "has_table_privilege('telemetry.%s', '%s')", right->object, right->privilege);
}

static bool find_missing(struct db *db, enum rights_for use, int64_t deadline, struct rights *ret_rights,
                         struct err *err)
{
    struct pg_params none = {0};
    struct buf sql;
    PGresult *result;
    const char *before = "SELECT what FROM (";
    buf_init(&sql, SQL_CEILING);
    for (size_t i = 0; i < ARRAY_LEN(rights); i++) {
        if (use == RIGHTS_INGEST ? !rights[i].ingest : !rights[i].read)
            continue;
        buf_put_cstr(&sql, before);
        put_question(&sql, &rights[i]);
        before = " UNION ALL ";
    }
    buf_put_cstr(&sql, ") AS r (what, has) WHERE has IS NOT TRUE LIMIT 1");
    buf_put_char(&sql, '\0');
    bool ok = buf_ok(&sql) ? pg_run(db, sql.ptr, &none, deadline, &result, err)
                           : err_set(err, "no memory for the grants");
    buf_release(&sql);
    if (!ok)
        return false;
    ret_rights->complete = PQntuples(result) == 0;
    if (!ret_rights->complete)
        snprintf(ret_rights->missing, sizeof(ret_rights->missing), "%.*s", STR_FMT(pg_text(result, 0, 0)));
    PQclear(result);
    return true;
}

bool store_rights_look(struct db *db, enum rights_for use, int64_t deadline, struct rights *ret_rights,
                       struct err *err)
{
    static const char *const too_much[] = {
        [RIGHTS_INGEST] = "has_column_privilege('telemetry.events', 'payload', 'SELECT')"
                          " OR has_column_privilege('telemetry.quarantine', 'body', 'SELECT')",
        [RIGHTS_READ] = "has_any_column_privilege('telemetry.tokens', 'SELECT')"
                        " OR has_any_column_privilege('telemetry.events', 'SELECT')"
                        " OR has_any_column_privilege('telemetry.quarantine', 'SELECT')",
    };
    const struct pg_params none = {0};
    char sql[512];
    PGresult *result;
    struct rights found = {0};
    if (!find_missing(db, use, deadline, &found, err))
        return false;
    snprintf(sql, sizeof(sql), "SELECT %s OR has_schema_privilege('telemetry', 'CREATE')", too_much[use]);
    if (!pg_run(db, sql, &none, deadline, &result, err))
        return false;
    found.excessive = pg_bool(result, 0, 0);
    PQclear(result);
    *ret_rights = found;
    return true;
}
