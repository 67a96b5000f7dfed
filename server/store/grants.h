// SPDX-License-Identifier: Apache-2.0
// Database roles of least privilege: who owns the schema, what the daemon may do, what reads may see.
//
// `migrate` calls store_grant() after the migrations. The roles are NOLOGIN and belong to the cluster, so
// their names are options; logins are made members by the operator. What each may do is one table in
// grants.c:
//
//     owner    owns the schema, and so the SECURITY DEFINER functions that make and drop partitions
//     ingest   stores events and knows tokens; neither DDL nor any payload
//     read     the project views, which show one project's rows that have not expired, and contracts
#ifndef VOX_STORE_GRANTS_H
#define VOX_STORE_GRANTS_H

#include "server/store/db.h"

struct store_roles {
    const char *ingest;
    const char *read;
    const char *owner;
};

enum grant_result {
    GRANT_DONE,
    GRANT_LACKING, // the login may not make the roles; `err` is the sentence with the SQL to run
    GRANT_FAILED
};

// False with a sentence if a name is none that we take: a lower-case letter or _, then letters, digits and _.
MUST_CHECK bool store_roles_check(const struct store_roles *roles, struct err *err);
// Makes the roles that are missing, gives the schema to the owner, and sets what the other two may do to what
// the table says, all in one transaction. Run again it changes nothing.
MUST_CHECK enum grant_result store_grant(struct db *db, const struct store_roles *roles, struct err *err);

// What a login is for, as store_rights_look() judges it.
enum rights_for { RIGHTS_INGEST, RIGHTS_READ };

struct rights {
    bool complete;     // it may do all that the daemon needs of it
    char missing[128]; // the first thing that it may not: "INSERT on events"
    bool excessive; // it may read payloads (INGEST), or tokens or tables past the views (READ), or change the
                    // schema
};

MUST_CHECK bool store_rights_look(struct db *db, enum rights_for use, int64_t deadline,
                                  struct rights *ret_rights, struct err *err);

#endif
