// SPDX-License-Identifier: Apache-2.0
// Small steps that several commands take.
#include "client/common.h"
#include "client/text.h"

enum client_exit complain(enum client_exit code, const struct err *err)
{
    fflush(stdout);
    fputs("vox-telemetry: ", stderr);
    text_put_safe(stderr, str_from(err->text), sizeof(err->text));
    fputs(".\n", stderr);
    return code;
}

bool open_spool(const struct options *options, bool create, struct spool_place *ret_place,
                struct spool **ret_spool, struct err *err)
{
    struct spool_place place;
    if (!spool_locate(options->spool, &place, err) || !spool_open(&place, create, ret_spool, err))
        return false;
    *ret_place = place;
    return true;
}

const char *source_text(enum spool_source source)
{
    switch (source) {
    case SPOOL_FROM_OPTION:
        return "--spool";
    case SPOOL_FROM_ENVIRONMENT:
        return "VOX_TELEMETRY_SPOOL_DIR";
    case SPOOL_FROM_REPOSITORY:
        return "this repository's";
    case SPOOL_FROM_HOME:
        return "your home folder's";
    default:
        BUG("a source that is none");
    }
}
