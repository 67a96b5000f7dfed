// SPDX-License-Identifier: Apache-2.0
// TLS of server/http: certificates by generation. A connection keeps the generation that it began with; a
// renewed one holds for connections from then on, and an old one goes with its last connection.
#ifndef VOX_HTTP_TLS_H
#define VOX_HTTP_TLS_H

#include "server/http/http.h"

#include <microhttpd.h>

// TLS 1.2 and 1.3, with forward secrecy and without SHA-1.
#define TLS_PRIORITIES "SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-RSA:-DHE-RSA:-SHA1:%SERVER_PRECEDENCE"

struct tls_set {
    struct http_tls *current;            // the loop's; NULL: no TLS
    struct http_tls *old;                // that connections still use
    _Atomic(struct http_tls *) incoming; // from whoever renews
};

// Gives a session that begins the certificate, and says whether the client must show one; false where the
// library had no memory.
MUST_CHECK bool tls_begin(struct tls_set *set, struct MHD_Connection *mhd, struct http_tls **ret_tls);
void tls_end(
    struct http_tls *tls); // its connection is ended, but the library may not have freed the session yet
void tls_turn(
    struct tls_set *set); // takes over a renewed one, and frees old ones; not from the library's callbacks
void tls_release(struct tls_set *set); // all connections are gone
// The certificate callback that the library asks for; never used, because tls_begin() has its way.
int tls_no_certificate(void);

#endif
