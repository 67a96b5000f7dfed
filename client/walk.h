// SPDX-License-Identifier: Apache-2.0
// One step for each of many entries, in folders of the spool: what retry and purge are made of.
#ifndef VOX_CLIENT_WALK_H
#define VOX_CLIENT_WALK_H

#include "client/common.h"

struct walk_step {
    const char *done; // "put back into pending/"
    // SPOOL_AGAIN_GONE leaves the entry out without a word.
    enum spool_again (*one)(struct spool *spool, enum spool_folder folder, const char *name, void *context,
                            struct err *why);
};

// Every entry of the folders (1 << SPOOL_BAD …), or only those that the operands name: by file name, or by
// id. Takes the uploader's lock. Names on stderr what it left out and why.
enum client_exit walk_folders(const struct options *options, unsigned folders, const struct walk_step *step,
                              void *context);
// "3 entries <done>.", unless --quiet.
void walk_say(const struct options *options, const char *done, uint64_t count);

#endif
