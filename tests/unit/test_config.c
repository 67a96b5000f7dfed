// SPDX-License-Identifier: Apache-2.0
// The configuration: which source wins, what each refuses, reload.
#include "lib/base/log.h"
#include "tests/unit/test_config_sources.h"

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

static bool refuse(void *context UNUSED, const struct config *fresh, struct err *err)
{
    ck_assert_str_eq(fresh->log_level, "debug");
    return err_set(err, "refused");
}

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
    ck_assert_msg(config_reload(&config, ARRAY_LEN(argv), argv, NULL, NULL, &err), "%s", err.text);
    log_set_level(LOG_INFO);
    ck_assert_str_eq(config.log_level, "error");
    ck_assert_str_eq(config.contracts_overrides, "mine.yaml");
    ck_assert_int_eq(config.queue_events, 11);
    ck_assert_str_eq(config.database_url, "postgresql:///vox");

    put_file("sink.yaml", "log_level: debug\n", 0644);
    ck_assert(!config_reload(&config, ARRAY_LEN(argv), argv, refuse, NULL, &err));
    ck_assert_str_eq(err.text, "refused");
    ck_assert_str_eq(config.log_level, "error");
    put_file("sink.yaml", "log_level: debug\nnonsense: 1\n", 0644);
    ck_assert(!config_reload(&config, ARRAY_LEN(argv), argv, NULL, NULL, &err));
    ck_assert_str_eq(config.log_level, "error");
    put_file("sink.yaml", "", 0644);
    log_set_level(LOG_ERROR);
    ck_assert_msg(config_reload(&config, ARRAY_LEN(argv), argv, NULL, NULL, &err), "%s", err.text);
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

CHECK_MAIN_WITH(setup, "config", config__defaults_are_those_of_the_table, config__later_sources_win,
                config__an_empty_value_counts_as_not_given, config__bad_flags_are_named,
                config__bad_files_are_told_with_their_line, config__words_are_kept_in_order,
                config__reload_takes_over_what_may_change, config__misspelt_variables_are_found)
