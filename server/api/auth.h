// SPDX-License-Identifier: Apache-2.0
// From a request to the token it may act with.
//
// A token that the current snapshot does not accept may be one made a moment ago: before it is refused, one
// refresh of the catalog is awaited, the same for unknown, revoked and expired ones, so that neither the
// answer nor its time tells them apart. auth_begin() judges by the snapshot at hand; where it says
// AUTH_REFRESH the request may be parked by auth_refresh() once its body is there.
#ifndef VOX_API_AUTH_H
#define VOX_API_AUTH_H

#include "server/api/api.h"

struct auth {
    struct http_request *request;
    struct api *api;
    struct snapshot *snapshot; // the request's own, until auth_release(): its contracts are judged by
    struct snapshot *renewed;  // a later one that the token was read from by auth_renew(); NULL: none
    struct token token;        // a copy, once AUTH_OK
    int64_t wall_us;           // when it was judged
    unsigned scopes;           // any of these is needed
    bool allow_open;           // the open project may stand in for a missing token
    struct catalog_waiter waiter;
    bool fresh;
};

enum auth_result { AUTH_OK, AUTH_REFRESH, AUTH_ANSWERED };

// AUTH_ANSWERED: the refusal is out. What is not let in counts as an attempt of its address (admit.h).
enum auth_result auth_begin(struct auth *auth, struct api *api, struct http_request *request, unsigned scopes,
                            bool allow_open);
// Parks; `resume` is called on the loop's thread, where auth_again() judges with the new snapshot.
void auth_refresh(struct auth *auth, http_handler *resume);
// AUTH_OK or AUTH_ANSWERED.
enum auth_result auth_again(struct auth *auth);
// A token that is not known, where the body cannot be awaited while the tokens are read again. Unless a load
// that began after the token was first used here does not know it, the client must not hear that it is bad:
// it would stop for good. (Waiting right here is not possible: nothing parks from on_head, since the
// 100 Continue goes out behind it.)
void auth_refuse_stranger(struct auth *auth);
// Right before something is stored: may the token that was let in still do so, and as what? Bodies and turns
// last: what happened to the token meanwhile holds. Where no newer snapshot is there it is a comparison and
// a look at the clock; otherwise auth->token is read anew. not_ready: by tokens read before the request it is
// not valid any more; they are being read again.
MUST_CHECK enum problem auth_renew(struct auth *auth);
// When the load began that auth->token was read by.
int64_t auth_loaded_at(const struct auth *auth);
// What the database's wall clock says now, microseconds, as the request's newest look at it tells.
int64_t auth_database_us(const struct auth *auth);
void auth_release(struct auth *auth);

#endif
