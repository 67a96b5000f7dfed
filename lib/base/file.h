// SPDX-License-Identifier: Apache-2.0
// Whole files: read with a ceiling, written so that a crash leaves the old one or the new one.
#ifndef VOX_BASE_FILE_H
#define VOX_BASE_FILE_H

#include "lib/base/buf.h"
#include "lib/base/err.h"

#include <sys/types.h>

// Appends a regular file's bytes to `buf` (its ceiling bounds them); on failure `buf` is as it was. `dirfd`
// may be AT_FDCWD.
MUST_CHECK bool file_read_at(int dirfd, const char *path, struct buf *buf, struct err *err);
// Temp file in the same folder (O_EXCL, `mode`), write, fsync, close, rename, fsync of the folder. On failure
// the temp file is gone and an existing `name` is as it was, unless syncing the folder failed: then it is the
// new file that a crash may take back. `name` has no slash; `dirfd` is its folder, AT_FDCWD the current one.
MUST_CHECK bool file_write_atomic_at(int dirfd, const char *name, struct str bytes, unsigned mode,
                                     struct err *err);
// write(2) until all is out; false with errno set.
MUST_CHECK bool fd_write_all(int fd, const void *ptr, size_t len);

// A file that holds a secret: refused if group or others can read or write it, or if it belongs to another
// user than root or ourselves; one trailing newline is cut.
MUST_CHECK bool file_read_secret(const char *path, struct buf *buf, struct err *err);
// The same, `owner` being allowed too: for root on behalf of the user that it is about to become.
MUST_CHECK bool file_read_secret_of(const char *path, uid_t owner, struct buf *buf, struct err *err);

#endif
