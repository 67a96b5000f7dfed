// SPDX-License-Identifier: Apache-2.0
// What TLS says between its two ends, and that no request behind it is forgotten.
#include "check_main.h"
#include "test_http_site.h"

#include <errno.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>

static struct site site;
static gnutls_certificate_credentials_t anybody;

// What a client sends is kept until it goes out as one.
struct client {
    int fd;
    bool keeps;
    char kept[4096];
    size_t kept_len;
    gnutls_session_t session;
};

static void put_file(const char *path, const gnutls_datum_t *pem)
{
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fchmod(fileno(file), 0600), 0);
    ck_assert_uint_eq(fwrite(pem->data, 1, pem->size, file), pem->size);
    ck_assert_int_eq(fclose(file), 0);
}

static void sign(gnutls_x509_crt_t certificate, gnutls_x509_privkey_t key)
{
    const time_t now = time(NULL);
    ck_assert_int_eq(gnutls_x509_crt_set_version(certificate, 3), 0);
    ck_assert_int_eq(gnutls_x509_crt_set_serial(certificate, "\1", 1), 0);
    ck_assert_int_eq(gnutls_x509_crt_set_activation_time(certificate, now - 3600), 0);
    ck_assert_int_eq(gnutls_x509_crt_set_expiration_time(certificate, now + 3600), 0);
    ck_assert_int_eq(gnutls_x509_crt_set_key(certificate, key), 0);
    ck_assert_int_eq(gnutls_x509_crt_sign2(certificate, certificate, key, GNUTLS_DIG_SHA256, 0), 0);
}

static void make_papers(const char *cert_path, const char *key_path)
{
    gnutls_x509_privkey_t key;
    gnutls_x509_crt_t certificate;
    gnutls_datum_t pem;
    const unsigned bits = GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1);
    ck_assert_int_eq(gnutls_x509_privkey_init(&key), 0);
    ck_assert_int_eq(gnutls_x509_crt_init(&certificate), 0);
    ck_assert_int_eq(gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA, bits, 0), 0);
    sign(certificate, key);
    ck_assert_int_eq(gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &pem), 0);
    put_file(key_path, &pem);
    gnutls_free(pem.data);
    ck_assert_int_eq(gnutls_x509_crt_export2(certificate, GNUTLS_X509_FMT_PEM, &pem), 0);
    put_file(cert_path, &pem);
    gnutls_free(pem.data);
    gnutls_x509_crt_deinit(certificate);
    gnutls_x509_privkey_deinit(key);
}

static void open_site(void)
{
    char folder[] = "/tmp/vox-tls-XXXXXX", cert_path[64], key_path[64];
    struct http_config config = {.pace.idle_sec = 3600};
    struct err err;
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(cert_path, sizeof(cert_path), "%s/cert.pem", folder);
    snprintf(key_path, sizeof(key_path), "%s/key.pem", folder);
    make_papers(cert_path, key_path);
    const struct http_tls_files files = {.cert_file = cert_path, .key_file = key_path};
    ck_assert_msg(http_tls_load(&files, &config.tls, &err), "%s", err.text);
    ck_assert_int_eq(remove(cert_path) | remove(key_path) | remove(folder), 0);
    ck_assert_int_eq(gnutls_certificate_allocate_credentials(&anybody), 0);
    site_open_as(&site, config, (struct http_where){0});
}

static void close_site(void)
{
    site_close(&site);
    gnutls_certificate_free_credentials(anybody);
}

static ssize_t push(gnutls_transport_ptr_t ptr, const void *bytes, size_t len)
{
    struct client *client = ptr;
    if (!client->keeps)
        return send(client->fd, bytes, len, MSG_NOSIGNAL);
    ck_assert_uint_le(len, sizeof(client->kept) - client->kept_len);
    memcpy(client->kept + client->kept_len, bytes, len);
    client->kept_len += len;
    return (ssize_t)len;
}

static ssize_t pull(gnutls_transport_ptr_t ptr, void *bytes, size_t len)
{
    return recv(((struct client *)ptr)->fd, bytes, len, 0);
}

static void send_kept(struct client *client)
{
    client->keeps = false;
    send_bytes(client->fd, client->kept, client->kept_len);
    client->kept_len = 0;
}

static void begin(struct client *client)
{
    const struct timeval patience = {.tv_sec = SITE_PATIENCE_MS / 1000};
    *client = (struct client){.fd = dial(&site)};
    ck_assert_int_eq(setsockopt(client->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
    ck_assert_int_eq(gnutls_init(&client->session, GNUTLS_CLIENT), 0);
    ck_assert_int_eq(gnutls_priority_set_direct(client->session, "NORMAL:-VERS-ALL:+VERS-TLS1.3", NULL), 0);
    ck_assert_int_eq(gnutls_credentials_set(client->session, GNUTLS_CRD_CERTIFICATE, anybody), 0);
    gnutls_transport_set_ptr(client->session, client);
    gnutls_transport_set_push_function(client->session, push);
    gnutls_transport_set_pull_function(client->session, pull);
    ck_assert_int_eq(gnutls_handshake(client->session), 0);
}

static void end(struct client *client)
{
    gnutls_deinit(client->session);
    close(client->fd);
}

static void say(struct client *client, const char *text)
{
    ck_assert_int_eq(gnutls_record_send(client->session, text, strlen(text)), (ssize_t)strlen(text));
}

static void expect_hello(struct client *client)
{
    char text[1024];
    ssize_t len = gnutls_record_recv(client->session, text, sizeof(text) - 1);
    if (len == GNUTLS_E_AGAIN) // the server's new keys
        len = gnutls_record_recv(client->session, text, sizeof(text) - 1);
    ck_assert_msg(len > 0, "no answer: %s", gnutls_strerror((int)len));
    text[len] = '\0';
    ck_assert_msg(strncmp(text, "HTTP/1.1 200 ", 13) == 0 && strstr(text, "\r\n\r\nhello"), "%s", text);
}

// They come in the same segment as the request behind them: no edge tells of that one by itself.
START_TEST(http_tls__reads_on_behind_new_keys)
{
    struct client client;
    open_site();
    begin(&client);
    for (unsigned flags = 0; flags <= GNUTLS_KU_PEER; flags += GNUTLS_KU_PEER) {
        say(&client, "GET /hello HTTP/1.1" END);
        expect_hello(&client);
        client.keeps = true;
        ck_assert_int_eq(gnutls_session_key_update(client.session, flags), 0);
        ck_assert_int_eq(gnutls_session_key_update(client.session, 0), 0);
        say(&client, "GET /hello HTTP/1.1" END);
        send_kept(&client);
        expect_hello(&client);
    }
    end(&client);
    close_site();
}
END_TEST

// What makes a record of it, whatever it says, behind those that the session has sent.
struct sealer {
    gnutls_aead_cipher_hd_t cipher;
    unsigned char iv[12], seq[8];
};

static void take_over(struct client *client, struct sealer *ret_sealer)
{
    gnutls_datum_t mac, iv, key;
    ck_assert_int_eq(gnutls_record_get_state(client->session, 0, &mac, &iv, &key, ret_sealer->seq), 0);
    ck_assert_uint_eq(iv.size, sizeof(ret_sealer->iv));
    memcpy(ret_sealer->iv, iv.data, iv.size);
    ck_assert_int_eq(gnutls_aead_cipher_init(&ret_sealer->cipher, gnutls_cipher_get(client->session), &key),
                     0);
}

// RFC 8446 section 5.2. The last byte of `text` is the record's true type. False once the peer has gone.
static bool send_record(struct client *client, struct sealer *sealer, const char *text, size_t len)
{
    unsigned char record[5 + 8192 + 16], nonce[sizeof(sealer->iv)];
    size_t sealed = sizeof(record) - 5;
    ck_assert_uint_le(len, 8192);
    memcpy(record,
           (const unsigned char[]){23, 3, 3, (unsigned char)((len + 16) >> 8), (unsigned char)(len + 16)}, 5);
    memcpy(nonce, sealer->iv, sizeof(nonce));
    for (size_t i = 0; i < sizeof(sealer->seq); i++)
        nonce[sizeof(nonce) - sizeof(sealer->seq) + i] ^= sealer->seq[i];
    for (size_t i = sizeof(sealer->seq); i-- > 0 && ++sealer->seq[i] == 0;)
        ;
    ck_assert_int_eq(gnutls_aead_cipher_encrypt(sealer->cipher, nonce, sizeof(nonce), record, 5, 16, text,
                                                len, record + 5, &sealed),
                     0);
    return send(client->fd, record, 5 + sealed, MSG_NOSIGNAL) == (ssize_t)(5 + sealed);
}

// New keys whose message announces 15 MB, from a client that was heard before.
START_TEST(http_tls__keeps_little_of_a_message_to_itself)
{
    struct client client;
    struct sealer sealer;
    char text[8192] = {24, (char)0xe4, (char)0xe1, (char)0xc0}, byte;
    open_site();
    begin(&client);
    say(&client, "GET /hello HTTP/1.1" END);
    expect_hello(&client);
    take_over(&client, &sealer);
    text[sizeof(text) - 1] = 22;
    for (int i = 0; i < 20 && send_record(&client, &sealer, text, sizeof(text)); i++)
        text[0] = 0;
    ssize_t len = recv(client.fd, &byte, 1, 0);
    ck_assert_msg(len == 0 || errno == ECONNRESET, "it goes on: %zd, %s", len, strerror(errno));
    gnutls_aead_cipher_deinit(sealer.cipher);
    end(&client);
    close_site();
}
END_TEST

CHECK_MAIN("http_tls", http_tls__reads_on_behind_new_keys, http_tls__keeps_little_of_a_message_to_itself)
