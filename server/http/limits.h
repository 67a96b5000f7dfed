// SPDX-License-Identifier: Apache-2.0
// Ceilings and periods of server/http that are not options.
#ifndef VOX_HTTP_LIMITS_H
#define VOX_HTTP_LIMITS_H

#include "lib/base/clock.h"

// libmicrohttpd's pool of a connection: the head, the read buffer and the answer's head have to fit. The
// process with 10,000 used connections has 96 MB at 7 KiB, 106 MB at 8 KiB.
#define HTTP_POOL_BYTES (7 * 1024)
// A request whose head is larger is refused, so that the head of its answer always fits the pool. For each
// line the library needs more than its text.
#define HTTP_HEAD_BYTES      (5 * 1024)
#define HTTP_HEAD_LINE_BYTES 64

#define HTTP_ARENA_BLOCK   (6 * 1024)
#define HTTP_ARENA_CEILING (16 * 1024 * 1024)
// Times that the end of the stream is looked for after bytes came: the second is past a whole interval.
#define HTTP_REAP_LOOKS 2
// A line of a chunked body (an extension, a trailer) that does not fit the pool makes the library run for
// ever without reading on. It then runs only so often, and the connection is closed that keeps having unread
// bytes.
#define HTTP_STUCK_MS   10
#define HTTP_STUCK_MANY 5
// Kept with a request object that waits for its next use, and how many of those wait.
#define HTTP_KEEP_BYTES    (64 * 1024)
#define HTTP_KEEP_REQUESTS 256
// Not counted with the bodies that are held to `body_bytes`.
#define HTTP_SMALL_BODY (16 * 1024)
// Reserved at once for a body whose length is announced; the rest grows as bytes come.
#define HTTP_RESERVE_BYTES (64 * 1024)

#define HTTP_REAP_US USEC_PER_SEC // how often the ends of phases are looked at

#define HTTP_SOCKETS_MANY   16 // from the service manager
#define HTTP_LISTENERS_MANY 48 // those and two lists of addresses
#define HTTP_ACCEPT_MANY    64 // of one listener in one turn
#define HTTP_CLOSING_MANY   64 // connections beyond the limit while others, ended for them, close

// After an answer that came before the body, what still comes is read and dropped for a moment: closing at
// once would reset the connection, and some clients (Windows) then lose the answer.
#define HTTP_LINGER_MANY  64
#define HTTP_LINGER_US    (2 * USEC_PER_SEC)
#define HTTP_LINGER_BYTES (4 * 1024 * 1024)

#endif
