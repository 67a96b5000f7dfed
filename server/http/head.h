// SPDX-License-Identifier: Apache-2.0
// The head of a request, from its bytes to its parts (RFC 9112 sections 2 to 5).
//
// head_end() says when a head is there, head_parse() reads it; framing.h then judges what it asks for. Pure
// functions: nothing is copied, every part is a view of the bytes given. Everything that two readers could
// take differently is refused, nothing is repaired: a line is ended by CR LF and by nothing else, single
// blanks stand in the request line, a name is a token right before its colon, and no value holds a control
// but the tab. One empty line (CR LF) before the request line is passed over and is a part of the head.
// Limits: HEAD_HEADERS_MAX lines; HTTP_HEAD_BYTES (limits.h) for the method, the target, and of each line its
// name, its value and HTTP_HEAD_LINE_BYTES. How many bytes may come without a head_end() is the caller's.
#ifndef VOX_HTTP_HEAD_H
#define VOX_HTTP_HEAD_H

#include "lib/base/str.h"
#include "lib/wire/problem.h"

#define HEAD_HEADERS_MAX 64

struct head_header {
    struct str name;  // one character or more
    struct str value; // without the blanks around it; never absent, may be empty
};

struct head {
    struct str method; // as sent
    struct str target; // as sent: not decoded, not judged but for blanks and controls
    struct str version;
    bool is_1_0;
    size_t count;
    uint64_t names;                               // head_name_bit() of each header
    struct head_header headers[HEAD_HEADERS_MAX]; // those beyond `count` are not set
};

// Length of the head that `bytes` begin with, its empty line included; 0 as long as that has not come. The
// first `seen` bytes held no end, as an earlier call found. An empty line ended by LF alone ends it, too, so
// that head_parse() refuses it at once.
size_t head_end(struct str bytes, size_t seen);
// `text` is what head_end() measured; anything else is refused as well. PROBLEM_NONE, http_malformed,
// version_unsupported or head_too_large; `*ret_reason` (static) says why, for the client, or is absent where
// the problem's own text does. After a refusal `*ret_head` has what was read before it, the rest is absent.
MUST_CHECK enum problem head_parse(struct str text, struct head *ret_head, struct str *ret_reason);

// Most headers that are looked for are not there: one look at the bits of all says so. Letters of either case
// give the same.
static inline uint64_t head_name_bit(struct str name)
{
    return name.len ? 1ULL << ((name.len * 5 + (unsigned char)(name.ptr[name.len - 1] | 0x20)) % 64) : 1;
}

#endif
