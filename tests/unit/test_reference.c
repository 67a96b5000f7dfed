// SPDX-License-Identifier: Apache-2.0
// The pages of docs/reference are what the program prints from its tables.
#include "server/config/reference.h"

#include "lib/base/file.h"
#include "lib/base/json.h"
#include "server/config/config.h"

#include <fcntl.h>

#include "tests/unit/check_main.h"

// Exactly one of `print` and `print_set` is given.
static void compare_page(const char *name, const char *command, void (*print)(FILE *out),
                         void (*print_set)(FILE *out, const struct contract_set *set))
{
    char path[4096], *text = NULL;
    size_t len;
    struct buf page;
    struct err err = {""};
    snprintf(path, sizeof(path), VOX_SOURCE_DIR "/docs/reference/%s.md", name);
    buf_init(&page, (size_t)1024 * 1024);
    ck_assert_msg(file_read_at(AT_FDCWD, path, &page, &err), "%s", err.text);
    FILE *out = open_memstream(&text, &len);
    ck_assert_ptr_nonnull(out);
    if (print) {
        print(out);
    } else {
        struct contract_set *set;
        ck_assert_msg(contract_set_load(VOX_SOURCE_DIR "/contracts", NULL, &set, &err), "%s", err.text);
        print_set(out, set);
        contract_set_unref(set);
    }
    fclose(out);
    ck_assert_msg(str_eq(buf_str(&page), str_slice(text, len)),
                  "docs/reference/%s.md is out of date: vox-sink reference %s > docs/reference/%s.md", name,
                  command, name);
    free(text);
    buf_release(&page);
}

static void compare(const char *name, void (*print)(FILE *out))
{
    compare_page(name, name, print, NULL);
}

START_TEST(reference__options_page_is_up_to_date)
{
    compare("options", config_print_reference);
}
END_TEST

START_TEST(reference__problems_page_is_up_to_date)
{
    compare("problems", reference_problems);
}
END_TEST

START_TEST(reference__metrics_page_is_up_to_date)
{
    compare("metrics", reference_metrics);
}
END_TEST

START_TEST(reference__contract_pages_are_up_to_date)
{
    compare_page("taxonomy", "taxonomy", NULL, reference_taxonomy);
    compare_page("retention-sensitivity", "retention", NULL, reference_retention);
}
END_TEST

CHECK_MAIN("reference", reference__options_page_is_up_to_date, reference__problems_page_is_up_to_date,
           reference__metrics_page_is_up_to_date, reference__contract_pages_are_up_to_date)
