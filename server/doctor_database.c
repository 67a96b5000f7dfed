// SPDX-License-Identifier: Apache-2.0
// The doctor's findings in the database.
#include "lib/base/clock.h"
#include "lib/wire/limits.h"
#include "server/doctor.h"
#include "server/gate/gate.h"
#include "server/gate/seal.h"
#include "server/store/grants.h"
#include "server/store/inspect.h"
#include "server/store/keeper.h"
#include "server/store/migrate.h"
#include "server/store/tokens.h"

#define PATIENCE  (5 * USEC_PER_SEC)
#define SKEW_WARN (5 * USEC_PER_SEC)
#define SKEW_FAIL (LIMIT_SIGNATURE_SKEW_SEC * USEC_PER_SEC) // beyond it good signatures are refused

static int64_t soon(void)
{
    return clock_mono_us(clock_system()) + PATIENCE;
}

static void look_at_clock(struct doctor *doctor, struct db *db)
{
    struct store_facts facts;
    struct err err;
    int64_t before = clock_wall_us(clock_system());
    if (!store_facts(db, soon(), &facts, &err)) {
        doctor_note(doctor, STATUS_FAIL, "database", "%s", err.text);
        return;
    }
    int64_t here = before + (clock_wall_us(clock_system()) - before) / 2;
    int64_t skew = facts.now_us > here ? facts.now_us - here : here - facts.now_us;
    doctor_note(doctor, STATUS_OK, "database", "PostgreSQL %d.%d at %s; what it commits is durable",
                facts.server_version / 10000, facts.server_version % 10000, db_target(db));
    enum status status = skew > SKEW_FAIL ? STATUS_FAIL : skew > SKEW_WARN ? STATUS_WARN : STATUS_OK;
    doctor_note(doctor, status, "clock", "%.3f s from the database's%s", (double)skew / USEC_PER_SEC,
                status == STATUS_OK ? "" : "; let both follow an NTP server");
}

static void look_at_partitions(struct doctor *doctor, struct db *db)
{
    struct err err;
    int ahead, wanted = (int)doctor->config->partitions_ahead;
    if (!store_partitions_look(db, wanted, soon(), &ahead, &err))
        doctor_note(doctor, STATUS_FAIL, "partitions", "%s", err.text);
    else if (ahead < wanted / 2)
        doctor_note(
            doctor, STATUS_WARN, "partitions",
            "made for %d days ahead, wanted are %d; a running vox-sink serve makes them, its log says what "
            "is in "
            "the way",
            ahead, wanted);
    else
        doctor_note(doctor, STATUS_OK, "partitions", "made for %d days ahead", ahead);
}

static void look_at_open_project(struct doctor *doctor, struct db *db, struct arena *arena)
{
    struct project_row *rows;
    size_t count;
    struct err err;
    const char *name = doctor->config->open_project;
    if (!store_project_list(db, arena, &rows, &count, &err)) {
        doctor_note(doctor, STATUS_FAIL, "open project", "%s", err.text);
        return;
    }
    for (size_t i = 0; i < count; i++)
        if (str_eq(rows[i].name, str_from(name))) {
            doctor_note(doctor, STATUS_WARN, "open project",
                        "anyone who reaches the address may send to %s without a token", name);
            return;
        }
    doctor_note(doctor, STATUS_FAIL, "open project",
                "there is no project %.64s; vox-sink project create makes it", name);
}

// Secrets that do not open are found by the check value, without opening one.
static void look_at_master_key(struct doctor *doctor, struct db *db, struct arena *arena)
{
    struct token_key_row *rows;
    size_t count, secrets = 0;
    uint8_t here[MASTER_KEY_CHECK_LEN], there[MASTER_KEY_CHECK_LEN];
    bool sealed;
    struct err err;
    struct master_key *key = NULL;
    const char *text = doctor->config->master_key;
    if (!store_master_key_check(db, there, &sealed, &err) ||
        !store_token_key_list(db, true, arena, &rows, &count, &err)) {
        doctor_note(doctor, STATUS_FAIL, "master key", "%s", err.text);
        return;
    }
    for (size_t i = 0; i < count; i++)
        secrets += !rows[i].is_public;
    if (!text) {
        if (secrets)
            doctor_note(doctor, STATUS_FAIL, "master key",
                        "there are signing secrets, but no key to open them with; set "
                        "VOX_SINK_MASTER_KEY_FILE to the file that vox-sink master-key create made");
        return;
    }
    key = master_key_new(str_from(text), &err);
    if (!key) {
        doctor_note(doctor, STATUS_FAIL, "master key", "%s", err.text);
        return;
    }
    master_key_check(key, here);
    master_key_free(key);
    if (sealed && memcmp(here, there, sizeof(here)) != 0)
        doctor_note(
            doctor, STATUS_FAIL, "master key",
            "the secrets of this database are sealed under another key; use the file that the other sinks "
            "have");
    else
        doctor_note(doctor, STATUS_OK, "master key", "%s",
                    sealed ? "it is what signing secrets are sealed under" : "nothing is sealed yet");
}

static void look_at_tokens(struct doctor *doctor, struct db *db, struct arena *arena)
{
    struct token_row *rows;
    size_t count, usable = 0;
    struct err err;
    if (!store_token_list(db, arena, &rows, &count, &err)) {
        doctor_note(doctor, STATUS_FAIL, "tokens", "%s", err.text);
        return;
    }
    int64_t now = clock_wall_us(clock_system());
    for (size_t i = 0; i < count; i++) {
        unsigned scopes = 0;
        bool ingest = scopes_parse(rows[i].scopes, &scopes) && (scopes & SCOPE_INGEST);
        usable += ingest && !rows[i].revoked && rows[i].expires_at > now;
    }
    look_at_master_key(doctor, db, arena);
    if (usable == 0)
        doctor_note(
            doctor, STATUS_WARN, "tokens",
            "no token lets a client send; vox-sink token create --project NAME --scope ingest makes one");
    else
        doctor_note(doctor, STATUS_OK, "tokens", "%zu can send", usable);
}

// May the login do what it is for, and no more?
static void look_at_rights(struct doctor *doctor, const char *name, const char *url, struct db *db,
                           enum rights_for use)
{
    const char *role = use == RIGHTS_INGEST ? doctor->config->ingest_role : doctor->config->read_role;
    struct rights rights;
    struct err err;
    if (!store_rights_look(db, use, soon(), &rights, &err))
        doctor_note(doctor, STATUS_FAIL, name, "%s", err.text);
    else if (!rights.complete)
        doctor_note(doctor, STATUS_FAIL, name,
                    "the login of %s lacks %s; GRANT %s to it, then vox-sink migrate", url, rights.missing,
                    role);
    else if (rights.excessive)
        doctor_note(doctor, STATUS_WARN, name,
                    "the login of %s may do more than it needs; one that is a member of %s alone is safer",
                    url, role);
    else
        doctor_note(doctor, STATUS_OK, name, "the login of %s may do what it needs, and no more", url);
}

// Reads go through the project views, by whichever login the readers have.
static void look_at_read_rights(struct doctor *doctor, struct db *daemon)
{
    const char *url = doctor->config->read_database_url;
    struct db *db = daemon;
    struct err err;
    if (url && !db_connect(url, DB_READER, soon(), &db, &err)) {
        doctor_note(doctor, STATUS_FAIL, "read database", "%s", err.text);
        return;
    }
    look_at_rights(doctor, "read rights", url ? "read_database_url" : "database_url", db, RIGHTS_READ);
    if (url)
        db_close(db);
}

static void look_at_schema(struct doctor *doctor, struct db *db)
{
    struct err err;
    if (!store_schema_fits(db, &err)) {
        doctor_note(doctor, STATUS_FAIL, "schema", "%s", err.text);
        return;
    }
    doctor_note(doctor, STATUS_OK, "schema", "fits this sink");
    look_at_rights(doctor, "rights", "database_url", db, RIGHTS_INGEST);
    look_at_read_rights(doctor, db);
    look_at_partitions(doctor, db);
    struct arena arena;
    arena_init(&arena, (size_t)64 * 1024, (size_t)256 * 1024 * 1024);
    look_at_tokens(doctor, db, &arena);
    if (doctor->config->open_project)
        look_at_open_project(doctor, db, &arena);
    arena_release(&arena);
}

// A URL that is optional: it must lead somewhere.
static void look_at_url(struct doctor *doctor, const char *name, const char *url, enum db_role role)
{
    struct db *db;
    struct err err;
    if (!url)
        return;
    if (!db_connect(url, role, soon(), &db, &err)) {
        doctor_note(doctor, STATUS_FAIL, name, "%s", err.text);
        return;
    }
    doctor_note(doctor, STATUS_OK, name, "%s", db_target(db));
    db_close(db);
}

void doctor_look_at_database(struct doctor *doctor)
{
    const struct config *config = doctor->config;
    struct db *db;
    struct err err;
    if (!config->database_url) {
        doctor_note(doctor, STATUS_FAIL, "database",
                    "none is configured; set VOX_SINK_DATABASE_URL, for example to "
                    "postgresql:///vox?host=/run/postgresql");
    } else if (!db_connect(config->database_url, DB_WRITER, soon(), &db, &err)) {
        doctor_note(doctor, STATUS_FAIL, "database", "%s", err.text);
    } else {
        look_at_clock(doctor, db);
        if (db_is_good(db))
            look_at_schema(doctor, db);
        db_close(db);
    }
    look_at_url(doctor, "migrate database", config->migrate_database_url, DB_OWNER);
}
