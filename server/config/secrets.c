// SPDX-License-Identifier: Apache-2.0
// Where secrets are kept, and from which files they are taken.
#include "server/config/options.h"

#include "lib/base/file.h"

#include <fcntl.h>
#include <pwd.h>
#include <sodium.h>
#include <stdalign.h>
#include <stddef.h>
#include <sys/stat.h>

struct config_secret {
    struct config_secret *next;
    char text[];
};

const char *config_keep_secret(struct config *config, struct str text)
{
    // sodium_malloc() aligns the end of what it gives, and so its begin only for such a size.
    size_t align = alignof(max_align_t);
    size_t size = (sizeof(struct config_secret) + text.len + 1 + align - 1) / align * align;
    struct config_secret *secret = sodium_malloc(size);
    if (!secret)
        return NULL;
    // It locked the pages if it could, and does not say; a second lock tells.
    if (sodium_mlock(secret, size) != 0)
        config->unlocked_secrets = true;
    if (text.len)
        memcpy(secret->text, text.ptr, text.len);
    secret->text[text.len] = '\0';
    secret->next = config->secrets;
    config->secrets = secret;
    return secret->text;
}

void config_forget_secrets(struct config *config)
{
    while (config->secrets) {
        struct config_secret *next = config->secrets->next;
        sodium_free(config->secrets);
        config->secrets = next;
    }
}

const char *config_read_secret(struct config *config, const struct option_given *given, struct err *err)
{
    struct buf buf;
    buf_init(&buf, OPTION_VALUE_MAX + 1);
    struct err cause;
    bool ok = given->trusted_path ? file_read_at(AT_FDCWD, given->path, &buf, &cause)
                                  : file_read_secret_of(given->path, config->owner, &buf, &cause);
    const char *value = NULL;
    if (!ok) {
        err_set(err, "%s: %s", given->path_origin, cause.text);
    } else {
        struct str text = str_trim(buf_str(&buf));
        if (text.len == 0 || memchr(text.ptr, '\0', text.len))
            err_set(err, "%s: %s holds no line of text", given->path_origin, given->path);
        else if (!(value = config_keep_secret(config, text)))
            err_set(err, "cannot read the configuration: out of memory");
    }
    if (buf.ptr)
        sodium_memzero(buf.ptr, buf.cap);
    buf_release(&buf);
    return value;
}

bool config_file_is_ours(const char *path, const struct config *config, const struct option_given *rows,
                         struct err *err)
{
    struct stat st;
    bool any = false;
    for (enum option_row row = 0; row < OPTION_COUNT; row++)
        any = any || (option_table[row].type == OPTION_TYPE_SECRET && rows[row].value);
    if (!any ||
        (stat(path, &st) == 0 && (st.st_uid == 0 || st.st_uid == geteuid() || st.st_uid == config->owner)))
        return true;
    return err_set(err, "%s holds a secret, and the file belongs to another user; chown it", path);
}

void config_set_owner(struct config *config, const char *user)
{
    const struct passwd *found = user && geteuid() == 0 ? getpwnam(user) : NULL;
    config->owner = found ? found->pw_uid : geteuid();
}
