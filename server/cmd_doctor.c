// SPDX-License-Identifier: Apache-2.0
// `vox-sink doctor`: looks at everything that `serve` needs, and says what to do. It changes nothing.
#include "lib/base/clock.h"
#include "lib/base/json.h"
#include "lib/contracts/contracts.h"
#include "server/command.h"
#include "server/gate/gate.h"
#include "server/gate/seal.h"
#include "server/probe.h"
#include "server/process.h"
#include "server/store/grants.h"
#include "server/store/inspect.h"
#include "server/store/keeper.h"
#include "server/store/migrate.h"
#include "server/store/tokens.h"

#include <stdarg.h>
#include <sys/resource.h>

#define FINDINGS_MAX      26
#define PATIENCE          (5 * USEC_PER_SEC)
#define SKEW_WARN         (5 * USEC_PER_SEC)
#define SKEW_FAIL         (LIMIT_SIGNATURE_SKEW_SEC * USEC_PER_SEC) // beyond it good signatures are refused
#define OTHER_DESCRIPTORS 128                                       // files, databases, logs

enum status { STATUS_OK, STATUS_WARN, STATUS_FAIL };

struct finding {
    enum status status;
    const char *name;
    char text[sizeof(((struct err *)0)->text) + 128];
};

struct doctor {
    const struct config *config;
    struct finding findings[FINDINGS_MAX];
    size_t count;
};

PRINTF_LIKE(4, 5)
static void note(struct doctor *doctor, enum status status, const char *name, const char *format, ...)
{
    BUG_ON(doctor->count == FINDINGS_MAX);
    struct finding *finding = &doctor->findings[doctor->count++];
    va_list args;
    finding->status = status;
    finding->name = name;
    va_start(args, format);
    vsnprintf(finding->text, sizeof(finding->text), format, args);
    va_end(args);
}

static int64_t soon(void)
{
    return clock_mono_us(clock_system()) + PATIENCE;
}

struct names {
    unsigned count;
    char first[64];
};

static void count_name(void *context, const char *name)
{
    struct names *names = context;
    if (names->count++ == 0)
        snprintf(names->first, sizeof(names->first), "%s", name);
}

static void look_at_configuration(struct doctor *doctor)
{
    struct names unknown = {0};
    config_unknown_variables(count_name, &unknown);
    if (unknown.count)
        note(doctor, STATUS_WARN, "configuration",
             "%s%s no option and has no effect; vox-sink config show lists the options", unknown.first,
             unknown.count > 1 ? " and other variables are" : " is");
    else
        note(doctor, STATUS_OK, "configuration", "every option is known and in range");
    struct err err;
    if (geteuid() == 0 && !doctor->config->user)
        note(doctor, STATUS_WARN, "user",
             "root runs this doctor, but serve does not run as root: start serve as another user, or let it "
             "become one by --user or VOX_SINK_USER");
    else if (!process_may_serve(doctor->config->user, &err))
        note(doctor, STATUS_FAIL, "user", "%s", err.text);
    struct rlimit limit;
    rlim_t need = (rlim_t)doctor->config->max_connections + OTHER_DESCRIPTORS;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_max < need)
        note(doctor, STATUS_WARN, "descriptors",
             "the limit of open files is %llu, but max_connections is %lld; raise LimitNOFILE (ulimit -Hn) "
             "to %llu",
             (unsigned long long)limit.rlim_max, (long long)doctor->config->max_connections,
             (unsigned long long)need);
}

static void look_at_contracts(struct doctor *doctor)
{
    const char *dir = doctor->config->contracts_dir;
    struct contract_set *set;
    struct err err;
    if (!contract_set_load(dir, doctor->config->contracts_overrides, &set, &err)) {
        note(doctor, STATUS_FAIL, "contracts", "%s", err.text);
        return;
    }
    size_t count = contract_set_count(set);
    note(doctor, count ? STATUS_OK : STATUS_WARN, "contracts", "%zu in %s%s", count, dir,
         count ? "" : "; every event would be refused");
    contract_set_unref(set);
}

static void look_at_clock(struct doctor *doctor, struct db *db)
{
    struct store_facts facts;
    struct err err;
    int64_t before = clock_wall_us(clock_system());
    if (!store_facts(db, soon(), &facts, &err)) {
        note(doctor, STATUS_FAIL, "database", "%s", err.text);
        return;
    }
    int64_t here = before + (clock_wall_us(clock_system()) - before) / 2;
    int64_t skew = facts.now_us > here ? facts.now_us - here : here - facts.now_us;
    note(doctor, STATUS_OK, "database", "PostgreSQL %d.%d at %s; what it commits is durable",
         facts.server_version / 10000, facts.server_version % 10000, db_target(db));
    enum status status = skew > SKEW_FAIL ? STATUS_FAIL : skew > SKEW_WARN ? STATUS_WARN : STATUS_OK;
    note(doctor, status, "clock", "%.3f s from the database's%s", (double)skew / USEC_PER_SEC,
         status == STATUS_OK ? "" : "; let both follow an NTP server");
}

static void look_at_partitions(struct doctor *doctor, struct db *db)
{
    struct err err;
    int ahead, wanted = (int)doctor->config->partitions_ahead;
    if (!store_partitions_look(db, wanted, soon(), &ahead, &err))
        note(doctor, STATUS_FAIL, "partitions", "%s", err.text);
    else if (ahead < wanted / 2)
        note(doctor, STATUS_WARN, "partitions",
             "made for %d days ahead, wanted are %d; a running vox-sink serve makes them, its log says what "
             "is in "
             "the way",
             ahead, wanted);
    else
        note(doctor, STATUS_OK, "partitions", "made for %d days ahead", ahead);
}

static void look_at_open_project(struct doctor *doctor, struct db *db, struct arena *arena)
{
    struct project_row *rows;
    size_t count;
    struct err err;
    const char *name = doctor->config->open_project;
    if (!store_project_list(db, arena, &rows, &count, &err)) {
        note(doctor, STATUS_FAIL, "open project", "%s", err.text);
        return;
    }
    for (size_t i = 0; i < count; i++)
        if (str_eq(rows[i].name, str_from(name))) {
            note(doctor, STATUS_WARN, "open project",
                 "anyone who reaches the address may send to %s without a token", name);
            return;
        }
    note(doctor, STATUS_FAIL, "open project", "there is no project %.64s; vox-sink project create makes it",
         name);
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
        note(doctor, STATUS_FAIL, "master key", "%s", err.text);
        return;
    }
    for (size_t i = 0; i < count; i++)
        secrets += !rows[i].is_public;
    if (!text) {
        if (secrets)
            note(doctor, STATUS_FAIL, "master key",
                 "there are signing secrets, but no key to open them with; set "
                 "VOX_SINK_MASTER_KEY_FILE to the file that vox-sink master-key create made");
        return;
    }
    key = master_key_new(str_from(text), &err);
    if (!key) {
        note(doctor, STATUS_FAIL, "master key", "%s", err.text);
        return;
    }
    master_key_check(key, here);
    master_key_free(key);
    if (sealed && memcmp(here, there, sizeof(here)) != 0)
        note(doctor, STATUS_FAIL, "master key",
             "the secrets of this database are sealed under another key; use the file that the other sinks "
             "have");
    else
        note(doctor, STATUS_OK, "master key", "%s",
             sealed ? "it is what signing secrets are sealed under" : "nothing is sealed yet");
}

static void look_at_tokens(struct doctor *doctor, struct db *db, struct arena *arena)
{
    struct token_row *rows;
    size_t count, usable = 0;
    struct err err;
    if (!store_token_list(db, arena, &rows, &count, &err)) {
        note(doctor, STATUS_FAIL, "tokens", "%s", err.text);
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
        note(doctor, STATUS_WARN, "tokens",
             "no token lets a client send; vox-sink token create --project NAME --scope ingest makes one");
    else
        note(doctor, STATUS_OK, "tokens", "%zu can send", usable);
}

// May the login do what it is for, and no more?
static void look_at_rights(struct doctor *doctor, const char *name, const char *url, struct db *db,
                           enum rights_for use)
{
    const char *role = use == RIGHTS_INGEST ? doctor->config->ingest_role : doctor->config->read_role;
    struct rights rights;
    struct err err;
    if (!store_rights_look(db, use, soon(), &rights, &err))
        note(doctor, STATUS_FAIL, name, "%s", err.text);
    else if (!rights.complete)
        note(doctor, STATUS_FAIL, name, "the login of %s lacks %s; GRANT %s to it, then vox-sink migrate",
             url, rights.missing, role);
    else if (rights.excessive)
        note(doctor, STATUS_WARN, name,
             "the login of %s may do more than it needs; one that is a member of %s alone is safer", url,
             role);
    else
        note(doctor, STATUS_OK, name, "the login of %s may do what it needs, and no more", url);
}

// Reads go through the project views, by whichever login the readers have.
static void look_at_read_rights(struct doctor *doctor, struct db *daemon)
{
    const char *url = doctor->config->read_database_url;
    struct db *db = daemon;
    struct err err;
    if (url && !db_connect(url, DB_READER, soon(), &db, &err)) {
        note(doctor, STATUS_FAIL, "read database", "%s", err.text);
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
        note(doctor, STATUS_FAIL, "schema", "%s", err.text);
        return;
    }
    note(doctor, STATUS_OK, "schema", "fits this sink");
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
        note(doctor, STATUS_FAIL, name, "%s", err.text);
        return;
    }
    note(doctor, STATUS_OK, name, "%s", db_target(db));
    db_close(db);
}

static void look_at_database(struct doctor *doctor)
{
    const struct config *config = doctor->config;
    struct db *db;
    struct err err;
    if (!config->database_url) {
        note(doctor, STATUS_FAIL, "database",
             "none is configured; set VOX_SINK_DATABASE_URL, for example to "
             "postgresql:///vox?host=/run/postgresql");
    } else if (!db_connect(config->database_url, DB_WRITER, soon(), &db, &err)) {
        note(doctor, STATUS_FAIL, "database", "%s", err.text);
    } else {
        look_at_clock(doctor, db);
        if (db_is_good(db))
            look_at_schema(doctor, db);
        db_close(db);
    }
    look_at_url(doctor, "migrate database", config->migrate_database_url, DB_OWNER);
}

static void look_at_address(struct doctor *doctor, const struct address *address)
{
    char listen[ADDRESS_TEXT_LEN + 1];
    struct err err;
    address_format(address, listen);
    switch (probe_listen(address, &err)) {
    case PROBE_FREE:
        note(doctor, STATUS_OK, "address", "%s is free", listen);
        return;
    case PROBE_SINK:
        note(doctor, STATUS_OK, "address", "a vox-sink serves on %s", listen);
        return;
    case PROBE_TAKEN:
        note(doctor, STATUS_FAIL, "address", "another program listens on %s; choose another address", listen);
        return;
    case PROBE_FAILED:
        note(doctor, STATUS_FAIL, "address", "%s", err.text);
        return;
    }
    BUG("unknown result of a probe");
}

static void look_at_addresses(struct doctor *doctor)
{
    const char *const lists[] = {doctor->config->listen, doctor->config->admin_listen};
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        struct address list[ADDRESS_MANY];
        size_t count = 0;
        struct err err;
        if (lists[i] && !address_parse_list(str_from(lists[i]), list, &count, &err))
            BUG("the configuration took it");
        for (size_t k = 0; k < count; k++)
            look_at_address(doctor, &list[k]);
    }
}

static const char *const status_names[] = {
    [STATUS_OK] = "ok", [STATUS_WARN] = "warn", [STATUS_FAIL] = "fail"};

static int report_json(const struct doctor *doctor, enum status worst)
{
    struct buf buf;
    struct json_writer w;
    buf_init(&buf, (size_t)256 * 1024);
    json_writer_init(&w, &buf);
    json_begin_object(&w);
    json_bool(&w, "healthy", worst != STATUS_FAIL);
    json_key(&w, "checks");
    json_begin_array(&w);
    for (size_t i = 0; i < doctor->count; i++) {
        json_begin_object(&w);
        json_str(&w, "name", str_from(doctor->findings[i].name));
        json_str(&w, "status", str_from(status_names[doctor->findings[i].status]));
        json_str(&w, "text", str_from(doctor->findings[i].text));
        json_end_object(&w);
    }
    json_end_array(&w);
    json_end_object(&w);
    return command_write(&buf);
}

static int report(const struct doctor *doctor, bool json)
{
    enum status worst = STATUS_OK;
    for (size_t i = 0; i < doctor->count; i++)
        worst = MAX(worst, doctor->findings[i].status);
    int code = worst == STATUS_FAIL ? EXIT_UNHEALTHY : EXIT_OK;
    if (json) {
        int written = report_json(doctor, worst);
        return written == EXIT_OK ? code : written;
    }
    for (size_t i = 0; i < doctor->count; i++)
        printf("%-4s  %-16s  %s\n", status_names[doctor->findings[i].status], doctor->findings[i].name,
               doctor->findings[i].text);
    return code;
}

static int look(struct call *call)
{
    struct doctor *doctor = calloc(1, sizeof(*doctor));
    if (!doctor)
        return command_error(EXIT_FAILED, "out of memory");
    doctor->config = &call->config;
    look_at_configuration(doctor);
    look_at_contracts(doctor);
    look_at_database(doctor);
    look_at_addresses(doctor);
    int code = report(doctor, call->flags[0].given);
    free(doctor);
    return code;
}

static const struct flag cmd_doctor_flags[] = {FLAG_FOR_JSON};

const struct command cmd_doctor = {
    .name = "doctor",
    .about = "Looks at everything that vox-sink serve needs, with the configuration that it would\n"
             "have here, and says what to do. It changes nothing. Exit code 4 if a check fails.",
    COMMAND_FLAGS(cmd_doctor_flags),
    .run = look};
