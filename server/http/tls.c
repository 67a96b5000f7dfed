// SPDX-License-Identifier: Apache-2.0
// Sessions and certificates.
#include "server/http/tls.h"

#include "lib/base/file.h"
#include "lib/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/x509.h>
#include <sodium.h>
#include <stdatomic.h>
#include <sys/socket.h>

#define TLS_FILE_MAX (1024 * 1024)
// Of what is said to TLS itself, one after the other. GnuTLS keeps a message until it is whole, and one may
// announce 16 MiB.
#define ASIDE_BYTES_MAX (64 * 1024)
#define ASIDES_MAX      32 // records that bring nothing on, one after the other: they cost the loop's time

struct http_tls {
    gnutls_certificate_credentials_t credentials;
    gnutls_priority_t priorities;
    bool asks_client;
    int64_t not_after; // wall clock
    unsigned users;    // sessions; the loop's
    struct http_tls *next;
};

static gnutls_datum_t datum_of(const struct buf *buf)
{
    return (gnutls_datum_t){(unsigned char *)buf->ptr, (unsigned)buf->len};
}

static bool load_pair(struct http_tls *tls, const struct http_tls_files *files, struct err *err)
{
    struct buf certificate, key;
    struct err cause;
    buf_init(&certificate, TLS_FILE_MAX);
    buf_init(&key, TLS_FILE_MAX);
    bool ok = file_read_at(AT_FDCWD, files->cert_file, &certificate, &cause);
    if (!ok)
        err_set(err, "tls_cert_file: %s", cause.text);
    else if (!(ok = file_read_secret(files->key_file, &key, &cause)))
        err_set(err, "tls_key_file: %s", cause.text);
    if (ok) {
        gnutls_datum_t public = datum_of(&certificate), private = datum_of(&key);
        int code =
            gnutls_certificate_set_x509_key_mem(tls->credentials, &public, &private, GNUTLS_X509_FMT_PEM);
        ok = code >= 0;
        if (!ok)
            err_set(err, "%s and %s are no certificate chain and key in PEM that belong together: %s",
                    files->cert_file, files->key_file, gnutls_strerror(code));
    }
    if (key.ptr)
        sodium_memzero(key.ptr, key.cap);
    buf_release(&key);
    buf_release(&certificate);
    return ok;
}

static bool load_client_ca(struct http_tls *tls, const char *path, struct err *err)
{
    struct buf authorities;
    struct err cause;
    buf_init(&authorities, TLS_FILE_MAX);
    bool ok = file_read_at(AT_FDCWD, path, &authorities, &cause);
    if (!ok) {
        err_set(err, "tls_client_ca_file: %s", cause.text);
    } else {
        gnutls_datum_t data = datum_of(&authorities);
        int count = gnutls_certificate_set_x509_trust_mem(tls->credentials, &data, GNUTLS_X509_FMT_PEM);
        ok = count > 0;
        if (!ok)
            err_set(err, "%s holds no certificate in PEM: %s", path,
                    count < 0 ? gnutls_strerror(count) : "none");
    }
    buf_release(&authorities);
    tls->asks_client = ok;
    return ok;
}

// Of the server's own certificate, the first of its chain.
static int64_t end_of_life(const struct http_tls *tls)
{
    gnutls_datum_t der;
    gnutls_x509_crt_t certificate;
    if (gnutls_certificate_get_crt_raw(tls->credentials, 0, 0, &der) < 0 ||
        gnutls_x509_crt_init(&certificate) < 0)
        return 0;
    time_t seconds = gnutls_x509_crt_import(certificate, &der, GNUTLS_X509_FMT_DER) < 0
                         ? 0
                         : gnutls_x509_crt_get_expiration_time(certificate);
    gnutls_x509_crt_deinit(certificate);
    return (int64_t)seconds * USEC_PER_SEC;
}

bool http_tls_load(const struct http_tls_files *files, struct http_tls **ret_tls, struct err *err)
{
    struct http_tls *tls = calloc(1, sizeof(*tls));
    if (!tls || gnutls_certificate_allocate_credentials(&tls->credentials) < 0) {
        free(tls);
        return err_set(err, "no memory for TLS");
    }
    int code = gnutls_priority_init(&tls->priorities, TLS_PRIORITIES, NULL);
    if (code < 0) {
        gnutls_certificate_free_credentials(tls->credentials);
        free(tls);
        return err_set(err, "this GnuTLS does not know TLS 1.2 and 1.3 as we ask for them: %s",
                       gnutls_strerror(code));
    }
    if (!load_pair(tls, files, err) ||
        (files->client_ca_file && !load_client_ca(tls, files->client_ca_file, err))) {
        http_tls_free(tls);
        return false;
    }
    tls->not_after = end_of_life(tls);
    *ret_tls = tls;
    return true;
}

int64_t http_tls_not_after(const struct http_tls *tls)
{
    return tls->not_after;
}

void http_tls_free(struct http_tls *tls)
{
    if (!tls)
        return;
    gnutls_priority_deinit(tls->priorities);
    gnutls_certificate_free_credentials(tls->credentials);
    free(tls);
}

static ssize_t pull(gnutls_transport_ptr_t ptr, void *ret_bytes, size_t cap)
{
    struct tls_session *session = ptr;
    if (session->aside_bytes > ASIDE_BYTES_MAX) {
        errno = EMSGSIZE;
        return -1;
    }
    ssize_t len = recv(session->fd, ret_bytes, cap, 0);
    session->is_dry = len < 0;
    session->aside_bytes += len > 0 ? (size_t)len : 0;
    return len;
}

// `end` is where the session is going to be.
static bool set_up(gnutls_session_t session, const struct http_tls *tls, int fd, struct tls_session *end)
{
    // A certificate that is not meant for clients is none; the session keeps the pointer.
    static gnutls_typed_vdata_st purpose = {
        .type = GNUTLS_DT_KEY_PURPOSE_OID,
        .data = (unsigned char *)(uintptr_t)GNUTLS_KP_TLS_WWW_CLIENT,
    };
    const gnutls_datum_t http = {(unsigned char *)(uintptr_t) "http/1.1", strlen("http/1.1")};
    if (gnutls_priority_set(session, tls->priorities) < 0 ||
        gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, tls->credentials) < 0 ||
        gnutls_alpn_set_protocols(session, &http, 1, 0) < 0)
        return false;
    if (tls->asks_client) {
        gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUIRE);
        gnutls_session_set_verify_cert2(session, &purpose, 1, 0);
    }
    gnutls_transport_set_ptr2(session, end, (gnutls_transport_ptr_t)(intptr_t)fd);
    gnutls_transport_set_pull_function(session, pull);
    gnutls_handshake_set_timeout(session, GNUTLS_INDEFINITE_TIMEOUT); // ours is the connection's
    return true;
}

bool tls_begin(struct tls_set *set, int fd, struct tls_session *ret_session)
{
    gnutls_session_t session;
    BUG_ON(!set->current);
    if (gnutls_init(&session, GNUTLS_SERVER | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL) < 0)
        return false;
    if (!set_up(session, set->current, fd, ret_session)) {
        gnutls_deinit(session);
        return false;
    }
    set->current->users++;
    *ret_session = (struct tls_session){.session = session, .tls = set->current, .fd = fd};
    return true;
}

static bool is_blocked(ssize_t code)
{
    return code == GNUTLS_E_AGAIN || code == GNUTLS_E_INTERRUPTED;
}

// A message in several records gives AGAIN after each of them, though more stands behind it.
static bool waits_for_peer(const struct tls_session *session)
{
    return session->is_dry || gnutls_record_get_direction(session->session) == 1;
}

enum tls_state tls_shake(struct tls_session *session)
{
    for (unsigned i = 0; i < ASIDES_MAX; i++) {
        session->is_dry = false;
        int code = gnutls_handshake(session->session);
        if (code == GNUTLS_E_SUCCESS) {
            session->aside_bytes = 0;
            return TLS_DONE;
        }
        if (code == GNUTLS_E_AGAIN && waits_for_peer(session))
            return TLS_BLOCKED;
        // A warning of the peer's is not fatal.
        if (gnutls_error_is_fatal(code)) {
            (void)gnutls_alert_send_appropriate(session->session, code); // so that the peer can say why
            return TLS_FAILED;
        }
    }
    return TLS_TIRED;
}

// What is said to TLS itself, new keys as an example, gives AGAIN as well, though more stands behind it.
ssize_t tls_receive(struct tls_session *session, char *ret_bytes, size_t cap)
{
    for (unsigned i = 0; i < ASIDES_MAX; i++) {
        session->is_dry = false;
        ssize_t len = gnutls_record_recv(session->session, ret_bytes, cap);
        if (len > 0) {
            session->aside_bytes = 0;
            return len;
        }
        if (!is_blocked(len))
            return -1;
        if (session->is_dry)
            return 0;
    }
    return -1;
}

ssize_t tls_send(struct tls_session *session, struct str bytes)
{
    ssize_t len = gnutls_record_send(session->session, bytes.ptr, bytes.len);
    if (len > 0)
        return len;
    return is_blocked(len) ? 0 : -1;
}

void tls_end(struct tls_session *session, bool polite)
{
    if (!session->session)
        return;
    if (polite)
        (void)gnutls_bye(session->session, GNUTLS_SHUT_WR);
    gnutls_deinit(session->session);
    BUG_ON(session->tls->users == 0);
    session->tls->users--;
    *session = (struct tls_session){0};
}

void tls_turn(struct tls_set *set)
{
    if (atomic_load_explicit(&set->incoming, memory_order_relaxed)) {
        set->current->next = set->old;
        set->old = set->current;
        set->current = atomic_exchange(&set->incoming, NULL);
    }
    for (struct http_tls **slot = &set->old; *slot;) {
        struct http_tls *tls = *slot;
        if (tls->users > 0) {
            slot = &tls->next;
            continue;
        }
        *slot = tls->next;
        http_tls_free(tls);
    }
}

void tls_release(struct tls_set *set)
{
    http_tls_free(atomic_exchange(&set->incoming, NULL));
    http_tls_free(set->current);
    set->current = NULL;
    tls_turn(set);
    BUG_ON(set->old);
}
