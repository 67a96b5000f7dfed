// SPDX-License-Identifier: Apache-2.0
// Paths as JSON Pointers.
#include "lib/schema/explain.h"

#include "lib/schema/uri.h"

// False once a hidden member was passed: nothing more is shown.
static bool put_instance(struct buf *out, const struct jsv_step *at, bool names)
{
    if (!at)
        return true;
    if (!put_instance(out, at->up, names))
        return false;
    switch (at->place) {
    case PLACE_SAME:
        return true;
    case PLACE_MEMBER:
        pointer_put_name(out, at->name);
        return true;
    case PLACE_ELEMENT:
        buf_putf(out, "/%zu", at->element);
        return true;
    case PLACE_HIDDEN:
        if (names)
            pointer_put_name(out, at->hidden);
        return names;
    }
    BUG("no such place");
}

void jsv_path_instance(struct buf *out, const struct jsv_step *at, bool names)
{
    put_instance(out, at, names);
}

void jsv_path_keyword(struct buf *out, const struct jsv_step *at)
{
    if (!at)
        return;
    jsv_path_keyword(out, at->up);
    if (at->keyword == KW_COUNT)
        return;
    pointer_put_name(out, str_from(jsv_keyword_name(at->keyword)));
    if (at->name.ptr)
        pointer_put_name(out, at->name);
    if (at->branch != SIZE_MAX)
        buf_putf(out, "/%zu", at->branch);
}
