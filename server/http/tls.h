// SPDX-License-Identifier: Apache-2.0
// TLS of server/http by GnuTLS: sessions over sockets that do not block, and certificates by generation. A
// session keeps the generation that it began with; a renewed one holds for sessions from then on, and an old
// one goes with its last session. The loop's thread, but for `incoming`.
#ifndef VOX_HTTP_TLS_H
#define VOX_HTTP_TLS_H

#include "server/http/http.h"

#include <gnutls/gnutls.h>

// TLS 1.2 and 1.3, with forward secrecy and without SHA-1.
#define TLS_PRIORITIES "SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-RSA:-DHE-RSA:-SHA1:%SERVER_PRECEDENCE"

struct tls_set {
    struct http_tls *current;            // NULL: no TLS
    struct http_tls *old;                // that sessions still use
    _Atomic(struct http_tls *) incoming; // from whoever renews
};

struct tls_session {
    gnutls_session_t session; // NULL: none
    struct http_tls *tls;
    int fd;
    bool is_dry;        // the socket had nothing more when it was last asked
    size_t aside_bytes; // received since the last that were not for TLS itself
};

// TIRED: more may be there to go on with, once others had their turn.
enum tls_state { TLS_DONE, TLS_BLOCKED, TLS_TIRED, TLS_FAILED };

// With the certificate of now; false where there is no memory. `*ret_session` stays where it is until
// tls_end().
MUST_CHECK bool tls_begin(struct tls_set *set, int fd, struct tls_session *ret_session);
MUST_CHECK enum tls_state tls_shake(struct tls_session *session); // hands; again after BLOCKED, TIRED
// How many bytes came, 0: none now, below 0: none will come.
MUST_CHECK ssize_t tls_receive(struct tls_session *session, char *ret_bytes, size_t cap);
// How many went, 0: none now, and then the same bytes must come again; below 0: none will go.
MUST_CHECK ssize_t tls_send(struct tls_session *session, struct str bytes);
// `polite`: with a farewell, so that the peer knows that nothing was cut off. The descriptor stays.
void tls_end(struct tls_session *session, bool polite);
void tls_turn(struct tls_set *set);    // takes over a renewed generation, and frees old ones
void tls_release(struct tls_set *set); // all sessions are ended

#endif
