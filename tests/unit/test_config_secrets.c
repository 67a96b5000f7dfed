// SPDX-License-Identifier: Apache-2.0
// Secrets of the configuration: where they come from, and that they are shown nowhere.
#include "tests/unit/test_config_sources.h"

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

CHECK_MAIN_WITH(setup, "config_secrets", config__secrets_are_not_quoted,
                config__a_secret_of_the_environment_is_overwritten, config__secrets_come_from_private_files,
                config__secrets_come_from_private_configuration_files, config__secrets_come_from_systemd,
                config__show_masks_secrets_and_names_sources)
