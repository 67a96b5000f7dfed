// SPDX-License-Identifier: Apache-2.0
// Small steps that several commands take.
#include "client/common.h"
#include "client/text.h"

enum client_exit complain(enum client_exit code, const struct err *err)
{
    fflush(stdout);
    int column = fprintf(stderr, "vox-telemetry: ");
    text_put_sentence(stderr, column, str_from(err->text));
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
        return "given by --spool";
    case SPOOL_FROM_ENVIRONMENT:
        return "given by VOX_TELEMETRY_SPOOL_DIR";
    case SPOOL_FROM_REPOSITORY:
        return "found in this repository";
    case SPOOL_FROM_HOME:
        return "found in your home folder";
    default:
        BUG("a source that is none");
    }
}
