// SPDX-License-Identifier: Apache-2.0
// How much a token, or an address that comes without one, may bring: rates, in this process, and daily
// quotas, which all sinks share through the database.
//
// limiter_token() and limiter_address() judge a request or events by GCRA (gcra.h) and charge them. Rates are
// each process's own: N sinks let through N times as much. limiter_quota() compares what a token stored
// today (quota_use.h): what this process did, which limiter_begin() and limiter_end() tell around each event,
// and what the snapshot says of the others; so a quota can be passed by what several sinks store between two
// loads of the catalog, and by what is under way.
//
// Of an address only a keyed hash is kept, in memory, under a key that is drawn anew each day. Time is the
// clock's monotonic one: the wall clock may jump.
//
// Threads: any; a call takes a lock for less than a microsecond.
#ifndef VOX_GATE_LIMIT_H
#define VOX_GATE_LIMIT_H

#include "lib/base/clock.h"
#include "server/gate/client_address.h"
#include "server/gate/gate.h"
#include "server/gate/gcra.h"

enum limit_kind { LIMIT_REQUESTS, LIMIT_EVENTS }; // events: those of batches

struct limit_settings {
    int64_t rate, burst;             // requests per second and at once, by token; rate 0: no limit
    int64_t batch_rate, batch_burst; // events, likewise; by address too
    int64_t address_rate, address_burst;
    int64_t pacing_us;                 // what is over its limit may be held back this long; 0: not at all
    int64_t pacing_many;               // so many of one token or address at a time
    int64_t quota_events, quota_bytes; // a day; 0: none
    struct trusted_proxies trusted;
    enum forwarded_form form;
};

struct limiter;

MUST_CHECK bool limiter_new(const struct limit_settings *settings, const struct clock *clock,
                            struct limiter **ret_limiter, struct err *err);
void limiter_free(struct limiter *limiter); // NULL is allowed
// From now on. What was charged stays charged.
void limiter_set(struct limiter *limiter, const struct limit_settings *settings);

// Charges `n`; 0 only asks whether one would be let in. The token's own limits go before the settings'.
// `may_wait`: it can be held back; else it is refused where that would be needed.
struct gcra_verdict limiter_token(struct limiter *limiter, const struct token *token, enum limit_kind kind,
                                  int64_t n, bool may_wait);
struct gcra_verdict limiter_address(struct limiter *limiter, const struct client_address *address,
                                    enum limit_kind kind, int64_t n, bool may_wait);

// Signatures that failed, of this token and from this address: by the address's rate, charged or asked alike.
struct gcra_verdict limiter_forged(struct limiter *limiter, const struct client_address *address,
                                   int32_t token_id, int64_t n);

// By whom and how a client's address is told. False: by nobody, nothing is set.
MUST_CHECK bool limiter_proxies(struct limiter *limiter, struct trusted_proxies *ret_trusted,
                                enum forwarded_form *ret_form);

enum limit_quota { QUOTA_NONE, QUOTA_LEFT, QUOTA_EVENTS_USED, QUOTA_BYTES_USED };

// Has the token a quota? It may have been given one since it was let in. Takes no lock.
bool limiter_has_quota(struct limiter *limiter, const struct token *token);
// Has the token a quota, and is some of it left? `loaded_at` is the snapshot's that the token is from,
// `today` the database's day (since 1970-01-01).
enum limit_quota limiter_quota(struct limiter *limiter, const struct token *token, int64_t loaded_at,
                               int32_t today);
// limiter_token() for requests and limiter_quota() in one.
struct gcra_verdict limiter_request(struct limiter *limiter, const struct token *token, int64_t loaded_at,
                                    int32_t today, int64_t n, bool may_wait, enum limit_quota *ret_quota);
// An event of a token with a quota is about to be given to the writer; and what became of it: once each.
// `day` is the database's on which it was `stored`.
void limiter_begin(struct limiter *limiter, int32_t token_id, uint64_t bytes);
void limiter_end(struct limiter *limiter, int32_t token_id, uint64_t bytes, bool stored, int32_t day);
// True once a minute for a token that is in use: then its use should be written down.
bool limiter_use_is_due(struct limiter *limiter, const struct token *token);

#endif
