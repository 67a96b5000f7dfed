// SPDX-License-Identifier: Apache-2.0
// The configuration: which source wins, what each refuses, secrets, reload.
#include "server/config.h"

#include "lib/base/buf.h"
#include "lib/base/file.h"
#include "lib/base/log.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "tests/unit/check_main.h"

static char dir[64]; // holds what a case writes

static void make_dir(void)
{
    snprintf(dir, sizeof(dir), "/tmp/vox-config-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
}

static void remove_dir(void)
{
    static const char *const names[] = {"sink.yaml", "url", "database_url"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char path[128];
        snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
        unlink(path);
    }
    ck_assert_int_eq(rmdir(dir), 0);
}

static void clear_environment(void)
{
    static const char *const names[] = {
        "CONFIG", "LISTEN", "QUEUE_EVENTS", "DATABASE_URL", "DATABASE_URL_FILE", "LOG_LEVEL", "QEUE_EVENTS"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char name[64];
        snprintf(name, sizeof(name), "VOX_SINK_%s", names[i]);
        unsetenv(name);
    }
    unsetenv("CREDENTIALS_DIRECTORY");
}

// The path of a file in `dir` with this text and mode; static.
static const char *put_file(const char *name, const char *text, mode_t mode)
{
    static char paths[4][128];
    static unsigned next;
    char *path = paths[next++ % ARRAY_LEN(paths)];
    snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert(fd_write_all(fd, text, strlen(text)));
    ck_assert_int_eq(fchmod(fd, mode), 0);
    close(fd);
    return path;
}

#define ARGV_MAX 8
// Loads with up to ARGV_MAX words behind the command's name, ended by NULL.
static bool load(struct config *config, const char *const *words, int *ret_words, struct err *err)
{
    char *argv[ARGV_MAX + 1] = {"serve"};
    int argc = 1;
    for (; words && words[argc - 1]; argc++)
        argv[argc] = (char *)words[argc - 1];
    return config_load(config, argc, argv, ret_words, err);
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static struct config loaded(const char *const *words)
{
    struct config config;
    struct err err = {""};
    ck_assert_msg(load(&config, words, NULL, &err), "%s", err.text);
    return config;
}

static void refused(const char *const *words, enum config_source fault, const char *const *sentences)
{
    struct config config;
    struct err err = {""};
    ck_assert_msg(!load(&config, words, NULL, &err), "%s was taken", words ? words[0] : "it");
    for (; *sentences; sentences++)
        ck_assert_msg(strstr(err.text, *sentences), "\"%s\" does not say \"%s\"", err.text, *sentences);
    ck_assert_msg(config.fault == fault, "\"%s\" is the fault of %d", err.text, (int)config.fault);
}

START_TEST(config__defaults_are_those_of_the_table)
{
    clear_environment();
    struct config config = loaded(NULL);
    ck_assert_str_eq(config.listen, "127.0.0.1:8787");
    ck_assert_int_eq(config.queue_events, 20000);
    ck_assert_str_eq(config.log_level, "info");
    ck_assert_ptr_null(config.database_url);
    ck_assert_ptr_null(config.open_project);
    // Built, but not installed: the source tree's, unless an older one is installed.
    ck_assert_ptr_nonnull(config.contracts_dir);
    ck_assert(str_ends(str_from(config.contracts_dir), STR("/contracts")));
    config_release(&config);
}
END_TEST

START_TEST(config__later_sources_win)
{
    clear_environment();
    make_dir();
    const char *path = put_file("sink.yaml", "listen: 0.0.0.0:1\nqueue_events: 11\nlog_level: warn\n", 0644);
    struct config config = loaded(WORDS("--config", path));
    ck_assert_str_eq(config.listen, "0.0.0.0:1");
    ck_assert_int_eq(config.queue_events, 11);
    ck_assert_str_eq(config.log_level, "warn");
    config_release(&config);

    setenv("VOX_SINK_CONFIG", path, 1);
    setenv("VOX_SINK_LISTEN", "0.0.0.0:2", 1);
    setenv("VOX_SINK_QUEUE_EVENTS", "22", 1);
    config = loaded(WORDS("--queue-events=33"));
    ck_assert_str_eq(config.log_level, "warn");
    ck_assert_str_eq(config.listen, "0.0.0.0:2");
    ck_assert_int_eq(config.queue_events, 33);
    config_release(&config);

    config = loaded(WORDS("--queue-events", "44", "--listen", "[::1]:0"));
    ck_assert_int_eq(config.queue_events, 44);
    ck_assert_str_eq(config.listen, "[::1]:0");
    config_release(&config);
    remove_dir();
}
END_TEST

START_TEST(config__an_empty_value_counts_as_not_given)
{
    clear_environment();
    make_dir();
    setenv("VOX_SINK_LISTEN", "", 1);
    const char *path =
        put_file("sink.yaml", "# nothing\nqueue_events:\nlog_level: ~\nopen_project: \"\"\n", 0644);
    struct config config = loaded(WORDS("--config", path, "--listen="));
    ck_assert_str_eq(config.listen, "127.0.0.1:8787");
    ck_assert_int_eq(config.queue_events, 20000);
    ck_assert_str_eq(config.log_level, "info");
    ck_assert_ptr_null(config.open_project);
    config_release(&config);
    path = put_file("sink.yaml", "# only a comment\n", 0644);
    config = loaded(WORDS("--config", path));
    config_release(&config);
    remove_dir();
}
END_TEST

START_TEST(config__bad_flags_are_named)
{
    static const struct {
        const char *words[3];
        const char *says[3];
    } rows[] = {
        {{"--queue-events=0"}, {"queue_events", "--queue-events", "from 1 to 10000000"}},
        {{"--queue-events", "10000001"}, {"from 1 to 10000000"}},
        {{"--queue-events=12x"}, {"whole number"}},
        {{"--queue-events= 12"}, {"whole number"}},
        {{"--queue-events=99999999999999999999"}, {"whole number"}},
        {{"--commit-deadline=5"}, {"from 100 to 600000 ms"}},
        {{"--log-level=loud"}, {"log_level", "debug|info|warn|error"}},
        {{"--log-level=in"}, {"log_level"}},
        {{"--listen=8787"}, {"ADDRESS:PORT"}},
        {{"--listen=:8787"}, {"ADDRESS:PORT"}},
        {{"--listen=127.0.0.1:65536"}, {"ADDRESS:PORT"}},
        {{"--listen=::1:80"}, {"ADDRESS:PORT"}},
        {{"--listen=[]:80"}, {"ADDRESS:PORT"}},
        {{"--listen=localhost:"}, {"ADDRESS:PORT"}},
        {{"--open-project=a\nb"}, {"control character"}},
        {{"--queue-event=1"}, {"no option --queue-event=1"}},
        {{"--queue_events=1"}, {"no option --queue_events=1"}},
        {{"-q"}, {"no option -q"}},
        {{"--"
          "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"},
         {"no option --xxx"}},
        {{"--listen"}, {"--listen needs a value"}},
        {{"--config"}, {"--config needs a value"}},
        {{"word"}, {"\"word\" is one word too many"}},
        {{"--database-url=postgresql://u:pw@h/d"}, {"--database-url is a secret", "--database-url-file"}},
        {{"--database-url", "postgresql://u:pw@h/d"}, {"--database-url is a secret"}},
        {{"--database-url-file=/nonexistent"}, {"--database-url-file", "/nonexistent"}},
    };
    clear_environment();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *const words[] = {rows[i].words[0], rows[i].words[1], NULL};
        const char *const says[] = {rows[i].says[0], rows[i].says[1], rows[i].says[2], NULL};
        refused(words, CONFIG_FLAG, says);
    }
}
END_TEST

START_TEST(config__secrets_are_not_quoted)
{
    struct config config;
    struct err err = {""};
    clear_environment();
    ck_assert(!load(&config, WORDS("--database-url=postgresql://u:hunter2@h/d"), NULL, &err));
    ck_assert_ptr_null(strstr(err.text, "hunter2"));
    setenv("VOX_SINK_DATABASE_URL", "hunter2\n", 1);
    ck_assert(!load(&config, NULL, NULL, &err));
    ck_assert_ptr_null(strstr(err.text, "hunter2"));
    ck_assert_ptr_nonnull(strstr(err.text, "VOX_SINK_DATABASE_URL"));
}
END_TEST

START_TEST(config__bad_files_are_told_with_their_line)
{
    static const struct {
        const char *text;
        const char *says[2];
    } rows[] = {
        {"listen: 0.0.0.0:1\nqueue_event: 5\n", {"sink.yaml:2:", "no option \"queue_event\""}},
        {"\n\nqueue_events: many\n", {"sink.yaml:3", "whole number"}},
        {"queue_events: [1]\n", {"sink.yaml:1:", "one value"}},
        {"queue_events: {a: 1}\n", {"sink.yaml:1:", "one value"}},
        {"queue_events: 1\nqueue_events: 2\n", {"sink.yaml:2:", "given twice"}},
        {"[a]: 1\n", {"sink.yaml", "plain text"}},
        {"- listen\n", {"sink.yaml:1:", "option: value"}},
        {"just text\n", {"sink.yaml:1:", "option: value"}},
        {"listen: \"a\n", {"sink.yaml:", "not YAML"}},
        {"listen: 0.0.0.0:1\n---\nlisten: 0.0.0.0:2\n", {"sink.yaml:", "second YAML document"}},
        {"open_project: \"a\\0b\"\n", {"sink.yaml:1:", "control character"}},
        {"open_project: |\n  a\n  b\n", {"sink.yaml:1", "control character"}},
        {"database_url: postgresql://u:pw@h/d\n", {"sink.yaml:1:", "database_url_file"}},
    };
    clear_environment();
    make_dir();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *path = put_file("sink.yaml", rows[i].text, 0644);
        refused(WORDS("--config", path), CONFIG_FILE, WORDS(rows[i].says[0], rows[i].says[1]));
    }
    refused(WORDS("--config", "/nonexistent/sink.yaml"), CONFIG_FILE, WORDS("/nonexistent/sink.yaml"));
    remove_dir();
}
END_TEST

START_TEST(config__a_secret_of_the_environment_is_overwritten)
{
    clear_environment();
    setenv("VOX_SINK_DATABASE_URL", "postgresql:///vox", 1);
    const char *seen = getenv("VOX_SINK_DATABASE_URL");
    struct config config = loaded(NULL);
    ck_assert_str_eq(config.database_url, "postgresql:///vox");
    for (size_t i = 0; i < strlen("postgresql:///vox"); i++)
        ck_assert_int_eq(seen[i], 0);
    config_release(&config);
}
END_TEST

START_TEST(config__secrets_come_from_private_files)
{
    clear_environment();
    make_dir();
    const char *path = put_file("url", "postgresql:///a\n", 0600);
    setenv("VOX_SINK_DATABASE_URL_FILE", path, 1);
    struct config config = loaded(NULL);
    ck_assert_str_eq(config.database_url, "postgresql:///a");
    config_release(&config);

    put_file("url", "postgresql:///a\n", 0640);
    refused(NULL, CONFIG_ENVIRONMENT, WORDS("VOX_SINK_DATABASE_URL_FILE", "chmod 600"));
    put_file("url", "\n", 0600);
    refused(NULL, CONFIG_ENVIRONMENT, WORDS("VOX_SINK_DATABASE_URL_FILE", "no line of text"));
    put_file("url", "a\nb\n", 0600);
    refused(NULL, CONFIG_ENVIRONMENT, WORDS("VOX_SINK_DATABASE_URL_FILE", "control character"));
    put_file("url", "postgresql:///a\n", 0600);
    setenv("VOX_SINK_DATABASE_URL", "postgresql:///b", 1);
    refused(NULL, CONFIG_ENVIRONMENT,
            WORDS("VOX_SINK_DATABASE_URL and VOX_SINK_DATABASE_URL_FILE", "keep one"));

    clear_environment();
    config = loaded(WORDS("--database-url-file", path));
    ck_assert_str_eq(config.database_url, "postgresql:///a");
    config_release(&config);
    remove_dir();
}
END_TEST

START_TEST(config__secrets_come_from_private_configuration_files)
{
    clear_environment();
    make_dir();
    const char *url = put_file("url", "postgresql:///from-file\n", 0600);
    const char *path = put_file("sink.yaml", "database_url: postgresql:///inline\n", 0600);
    struct config config = loaded(WORDS("--config", path));
    ck_assert_str_eq(config.database_url, "postgresql:///inline");
    config_release(&config);
    char text[256];
    snprintf(text, sizeof(text), "database_url_file: %s\n", url);
    path = put_file("sink.yaml", text, 0644);
    config = loaded(WORDS("--config", path));
    ck_assert_str_eq(config.database_url, "postgresql:///from-file");
    config_release(&config);
    remove_dir();
}
END_TEST

START_TEST(config__secrets_come_from_systemd)
{
    clear_environment();
    make_dir();
    // Readable by the group as the ACL of an unprivileged service shows: systemd's to decide.
    put_file("database_url", "postgresql:///credential\n", 0440);
    setenv("CREDENTIALS_DIRECTORY", dir, 1);
    struct config config = loaded(NULL);
    ck_assert_str_eq(config.database_url, "postgresql:///credential");
    ck_assert_ptr_null(config.read_database_url);
    config_release(&config);
    setenv("VOX_SINK_DATABASE_URL", "postgresql:///variable", 1);
    config = loaded(NULL);
    ck_assert_str_eq(config.database_url, "postgresql:///variable");
    config_release(&config);
    remove_dir();
}
END_TEST

START_TEST(config__words_are_kept_in_order)
{
    clear_environment();
    char *argv[] = {"show", "--queue-events", "7", "a", "--listen=[::1]:1", "b", "--", "--c"};
    struct config config;
    struct err err = {""};
    int words = -1;
    for (int again = 0; again < 2; again++) {
        ck_assert_msg(config_load(&config, ARRAY_LEN(argv), argv, &words, &err), "%s", err.text);
        ck_assert_int_eq(config.queue_events, 7);
        ck_assert_str_eq(config.listen, "[::1]:1");
        config_release(&config);
        if (again)
            break; // "--c" now stands before "--": words are read once
        ck_assert_int_eq(words, 3);
        ck_assert_str_eq(argv[1], "a");
        ck_assert_str_eq(argv[2], "b");
        ck_assert_str_eq(argv[3], "--c");
        argv[3] = "c";
    }
}
END_TEST

static char *shown(const struct config *config, bool json)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    ck_assert_ptr_nonnull(out);
    ck_assert(config_print(config, json, out));
    fclose(out);
    return text;
}

START_TEST(config__show_masks_secrets_and_names_sources)
{
    clear_environment();
    setenv("VOX_SINK_DATABASE_URL", "postgresql://u:hunter2@h/d", 1);
    setenv("VOX_SINK_LOG_LEVEL", "debug", 1);
    struct config config = loaded(WORDS("--queue-events=7"));
    char *text = shown(&config, false), *json = shown(&config, true);
    ck_assert_ptr_null(strstr(text, "hunter2"));
    ck_assert_ptr_null(strstr(json, "hunter2"));
    ck_assert_ptr_nonnull(strstr(text, "VOX_SINK_DATABASE_URL"));
    ck_assert_ptr_nonnull(strstr(text, "--queue-events"));
    ck_assert_ptr_nonnull(strstr(json, "{\"name\":\"database_url\",\"secret\":true,\"set\":true,"
                                       "\"source\":\"environment\",\"origin\":\"VOX_SINK_DATABASE_URL\""));
    ck_assert_ptr_nonnull(strstr(json, "{\"name\":\"read_database_url\",\"secret\":true,\"set\":false,"
                                       "\"source\":\"default\""));
    ck_assert_ptr_nonnull(strstr(json, "{\"name\":\"queue_events\",\"value\":7,\"source\":\"flag\""));
    ck_assert_ptr_nonnull(
        strstr(json, "{\"name\":\"log_level\",\"value\":\"debug\",\"source\":\"environment\""));
    free(text);
    free(json);
    config_release(&config);
}
END_TEST

START_TEST(config__reload_takes_over_what_may_change)
{
    clear_environment();
    make_dir();
    const char *path = put_file("sink.yaml", "log_level: warn\nqueue_events: 11\n", 0644);
    setenv("VOX_SINK_DATABASE_URL", "postgresql:///vox", 1);
    char *argv[] = {"serve", "--config", (char *)path};
    struct config config;
    struct err err = {""};
    ck_assert_msg(config_load(&config, ARRAY_LEN(argv), argv, NULL, &err), "%s", err.text);

    put_file("sink.yaml", "log_level: error\nqueue_events: 12\ncontracts_overrides: mine.yaml\n", 0644);
    log_set_level(LOG_ERROR); // the warning about queue_events
    ck_assert_msg(config_reload(&config, ARRAY_LEN(argv), argv, &err), "%s", err.text);
    log_set_level(LOG_INFO);
    ck_assert_str_eq(config.log_level, "error");
    ck_assert_str_eq(config.contracts_overrides, "mine.yaml");
    ck_assert_int_eq(config.queue_events, 11);
    ck_assert_str_eq(config.database_url, "postgresql:///vox");

    put_file("sink.yaml", "log_level: debug\nnonsense: 1\n", 0644);
    ck_assert(!config_reload(&config, ARRAY_LEN(argv), argv, &err));
    ck_assert_str_eq(config.log_level, "error");
    put_file("sink.yaml", "", 0644);
    log_set_level(LOG_ERROR);
    ck_assert_msg(config_reload(&config, ARRAY_LEN(argv), argv, &err), "%s", err.text);
    log_set_level(LOG_INFO);
    ck_assert_str_eq(config.log_level, "info");
    ck_assert_ptr_null(config.contracts_overrides);
    config_release(&config);
    remove_dir();
}
END_TEST

static void count_name(void *context, const char *name)
{
    if (strcmp(name, "VOX_SINK_QEUE_EVENTS") == 0)
        (*(int *)context)++;
    else
        (*(int *)context) += 100;
}

START_TEST(config__misspelt_variables_are_found)
{
    int found = 0;
    clear_environment();
    setenv("VOX_SINK_QEUE_EVENTS", "5", 1);
    setenv("VOX_SINK_CONFIG", "x", 1);
    setenv("VOX_SINK_QUEUE_EVENTS", "5", 1);
    setenv("VOX_SINK_DATABASE_URL_FILE", "x", 1);
    config_unknown_variables(count_name, &found);
    ck_assert_int_eq(found, 1);
    clear_environment();
}
END_TEST

CHECK_MAIN("config", config__defaults_are_those_of_the_table, config__later_sources_win,
           config__an_empty_value_counts_as_not_given, config__bad_flags_are_named,
           config__secrets_are_not_quoted, config__bad_files_are_told_with_their_line,
           config__a_secret_of_the_environment_is_overwritten, config__secrets_come_from_private_files,
           config__secrets_come_from_private_configuration_files, config__secrets_come_from_systemd,
           config__words_are_kept_in_order, config__show_masks_secrets_and_names_sources,
           config__reload_takes_over_what_may_change, config__misspelt_variables_are_found)
