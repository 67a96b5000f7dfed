// SPDX-License-Identifier: Apache-2.0
// `vox-sink doctor`: looks at everything that `serve` needs, and says what to do. It changes nothing.
#include "lib/base/clock.h"
#include "lib/base/json.h"
#include "lib/contracts/contracts.h"
#include "server/command.h"
#include "server/doctor.h"
#include "server/front.h"
#include "server/probe.h"
#include "server/process.h"

#include <stdarg.h>
#include <sys/resource.h>

#define OTHER_DESCRIPTORS 128 // files, databases, logs
#define TEXT_COLUMN       24
#define TLS_SOON          (14 * USEC_PER_DAY)

void doctor_note(struct doctor *doctor, enum status status, const char *name, const char *format, ...)
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
        doctor_note(doctor, STATUS_WARN, "configuration",
                    "%s%s no option and has no effect; vox-sink config show lists the options", unknown.first,
                    unknown.count > 1 ? " and other variables are" : " is");
    struct limit_settings limits;
    struct err err;
    if (!front_check(doctor->config, &limits, &err))
        doctor_note(doctor, STATUS_FAIL, "configuration", "%s", err.text);
    else if (!unknown.count)
        doctor_note(doctor, STATUS_OK, "configuration", "every option is known and in range");
    struct rlimit limit;
    rlim_t need = (rlim_t)doctor->config->max_connections + OTHER_DESCRIPTORS;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_max < need)
        doctor_note(
            doctor, STATUS_WARN, "descriptors",
            "the limit of open files is %llu, but max_connections is %lld; raise LimitNOFILE (ulimit -Hn) "
            "to %llu",
            (unsigned long long)limit.rlim_max, (long long)doctor->config->max_connections,
            (unsigned long long)need);
}

// What follows is looked at as the user that serve would be.
static void look_at_user(struct doctor *doctor)
{
    const char *user = doctor->config->user;
    struct err err;
    if (geteuid() == 0 && !user)
        doctor_note(doctor, STATUS_WARN, "user",
                    "root runs this doctor, but serve does not run as root: start serve as another user, or "
                    "let it become one by --user or VOX_SINK_USER");
    else if (!process_may_serve(user, &err) || !process_drop(user, &err))
        doctor_note(doctor, STATUS_FAIL, "user", "%s", err.text);
}

static void look_at_contracts(struct doctor *doctor)
{
    const char *dir = doctor->config->contracts_dir;
    struct contract_set *set;
    struct err err;
    if (!contract_set_load(dir, doctor->config->contracts_overrides, &set, &err)) {
        doctor_note(doctor, STATUS_FAIL, "contracts", "%s", err.text);
        return;
    }
    size_t count = contract_set_count(set);
    doctor_note(doctor, count ? STATUS_OK : STATUS_WARN, "contracts", "%zu in %s%s", count, dir,
                count ? "" : "; every event would be refused");
    contract_set_unref(set);
}

static void look_at_tls(struct doctor *doctor)
{
    struct http_tls *tls;
    struct err err;
    if (!front_read_tls(doctor->config, &tls, &err)) {
        doctor_note(doctor, STATUS_FAIL, "tls", "%s", err.text);
        return;
    }
    if (!tls)
        return;
    char end[RFC3339_LEN + 1];
    int64_t not_after = http_tls_not_after(tls), now = clock_wall_us(clock_system());
    rfc3339_format(not_after, end);
    if (not_after <= now)
        doctor_note(doctor, STATUS_FAIL, "tls", "the certificate ended at %s; renew it, then SIGHUP", end);
    else if (not_after <= now + TLS_SOON)
        doctor_note(doctor, STATUS_WARN, "tls", "the certificate ends at %s; renew it, then SIGHUP", end);
    else
        doctor_note(doctor, STATUS_OK, "tls", "certificate and key belong together; it ends at %s", end);
    http_tls_free(tls);
}

static void look_at_address(struct doctor *doctor, const struct address *address)
{
    char listen[ADDRESS_TEXT_LEN + 1];
    struct err err;
    address_format(address, listen);
    switch (probe_listen(address, &err)) {
    case PROBE_FREE:
        doctor_note(doctor, STATUS_OK, "address", "%s is free", listen);
        return;
    case PROBE_SINK:
        doctor_note(doctor, STATUS_OK, "address", "a vox-sink serves on %s", listen);
        return;
    case PROBE_TAKEN:
        // The probe speaks no TLS.
        if (doctor->config->tls_cert_file && !address->is_unix) {
            doctor_note(doctor, STATUS_WARN, "address",
                        "something listens on %s; through TLS this cannot see whether it is a vox-sink",
                        listen);
            return;
        }
        doctor_note(doctor, STATUS_FAIL, "address", "another program listens on %s; choose another address",
                    listen);
        return;
    case PROBE_FAILED:
        doctor_note(doctor, STATUS_FAIL, "address", "%s", err.text);
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
    bool terminal = isatty(STDOUT_FILENO) == 1;
    for (size_t i = 0; i < doctor->count; i++) {
        const struct finding *finding = &doctor->findings[i];
        printf("%-4s  %-16s  ", status_names[finding->status], finding->name);
        if (terminal)
            table_wrap(stdout, finding->text, TEXT_COLUMN, TEXT_COLUMN);
        else
            printf("%s\n", finding->text);
    }
    return code;
}

static int look(struct call *call)
{
    struct doctor *doctor = calloc(1, sizeof(*doctor));
    if (!doctor)
        return command_error(EXIT_FAILED, "out of memory");
    doctor->config = &call->config;
    look_at_configuration(doctor);
    look_at_addresses(doctor); // a port below 1024 is root's to bind
    look_at_user(doctor);
    look_at_contracts(doctor);
    look_at_tls(doctor);
    doctor_look_at_database(doctor);
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
