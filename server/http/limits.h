// SPDX-License-Identifier: Apache-2.0
// Ceilings and periods of server/http that are not options.
#ifndef VOX_HTTP_LIMITS_H
#define VOX_HTTP_LIMITS_H

#include "lib/base/clock.h"

// A request whose head is larger is refused; each line counts so much more than its text. In bytes as sent a
// head is never kept beyond HTTP_HEAD_RAW.
#define HTTP_HEAD_BYTES      (5 * 1024)
#define HTTP_HEAD_LINE_BYTES 64
#define HTTP_HEAD_RAW        (8 * 1024)

#define HTTP_TURN_EVENTS 256 // taken from epoll in one turn of the loop

// What one connection may do in one turn of the loop: so many times so many bytes received, and requests.
#define HTTP_READ_BYTES       (64 * 1024)
#define HTTP_READ_AHEAD_BYTES (16 * 1024) // where a head is to come, and beyond a body's announced length
#define HTTP_TURN_READS       2
#define HTTP_TURN_REQUESTS    32
#define HTTP_INPUT_CEILING    (HTTP_READ_BYTES + HTTP_HEAD_RAW)
// Of an answer that is made as it goes: asked for at a time.
#define HTTP_STREAM_BLOCK       (16 * 1024)
#define HTTP_OUTPUT_CEILING     (64 * 1024)
#define HTTP_REPLY_HEAD_CEILING (16 * 1024)
// Copied behind the head of an answer by TLS, so that both are one record.
#define HTTP_TLS_COPY (8 * 1024)
#define HTTP_DATE_LEN 29

#define HTTP_ARENA_BLOCK   (6 * 1024)
#define HTTP_ARENA_CEILING (16 * 1024 * 1024)
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

// After an answer that came before the body, what still comes is read and dropped for a moment: closing at
// once would reset the connection, and the client may then lose the answer.
#define HTTP_LINGER_MANY  64
#define HTTP_LINGER_US    (2 * USEC_PER_SEC)
#define HTTP_LINGER_BYTES (4 * 1024 * 1024)

#endif
