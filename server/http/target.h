// SPDX-License-Identifier: Apache-2.0
// What a request target says, decoded. framing_judge_target() has judged it before.
#ifndef VOX_HTTP_TARGET_H
#define VOX_HTTP_TARGET_H

#include "lib/base/arena.h"

// `text` with its escapes decoded, and blanks for pluses with `plus_is_blank`. `ret_bytes` has room for
// text.len bytes and may be text.ptr. False if an escape is broken or is %00.
MUST_CHECK bool target_decode(struct str text, bool plus_is_blank, char *ret_bytes, size_t *ret_len);

enum target_result {
    TARGET_WHOLE,
    TARGET_STOPPED,   // `each` returned false, or an escape is none
    TARGET_NO_MEMORY, // nothing was called
};

// Calls `each` for the parameters of a query (what stands behind the question mark) in order, name and value
// decoded, NUL-terminated and as long-lived as the arena. Parameters stand between "&"; where there is no "="
// the value is empty, where nothing stands before it the name is. Nothing behind the last "&" is no
// parameter.
MUST_CHECK enum target_result target_query(struct str query, struct arena *arena,
                                           bool (*each)(void *context, struct str name, struct str value),
                                           void *context);

#endif
