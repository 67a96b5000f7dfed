// SPDX-License-Identifier: Apache-2.0
// Credentials, dumps and limits of the process.
#include "server/process.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

bool process_seal(struct err *err)
{
    const struct rlimit none = {0, 0};
    // The limit alone would not stop a core_pattern that is a pipe.
    if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L) != 0)
        return err_set_errno(err, "cannot turn core dumps off");
    return true;
}

static bool find(const char *user, struct passwd **ret_found, struct err *err)
{
    errno = 0;
    *ret_found = getpwnam(user);
    if (*ret_found)
        return true;
    if (errno && errno != ENOENT)
        return err_set_errno(err, "cannot look up the user %.64s", user);
    return err_set(err, "there is no user %.64s on this machine", user);
}

bool process_may_serve(const char *user, struct err *err)
{
    struct passwd *found;
    if (!user)
        return geteuid() != 0 ||
               err_set(err,
                       "serve does not run as root; start it as another user, or name one to become with "
                       "--user or VOX_SINK_USER");
    if (!find(user, &found, err))
        return false;
    if (found->pw_uid == 0)
        return err_set(err, "user %.64s is root; name one without privileges", user);
    return geteuid() == 0 || geteuid() == found->pw_uid ||
           err_set(err, "only root can become the user %.64s; start as root, or as that user without --user",
                   user);
}

// Libraries look for their files under it.
static bool move_home(const struct passwd *found)
{
    return setenv("HOME", found->pw_dir, 1) == 0 && setenv("USER", found->pw_name, 1) == 0 &&
           setenv("LOGNAME", found->pw_name, 1) == 0;
}

bool process_drop(const char *user, struct err *err)
{
    struct passwd *found;
    int parent_signal = 0;
    if (!user || geteuid() != 0)
        return true;
    if (!find(user, &found, err))
        return false;
    // The kernel forgets it when credentials change; a supervisor relies on it.
    if (prctl(PR_GET_PDEATHSIG, &parent_signal, 0L, 0L, 0L) != 0)
        return err_set_errno(err, "cannot read the process's settings");
    if (initgroups(found->pw_name, found->pw_gid) != 0 ||
        setresgid(found->pw_gid, found->pw_gid, found->pw_gid) != 0 ||
        setresuid(found->pw_uid, found->pw_uid, found->pw_uid) != 0)
        return err_set_errno(err, "cannot become the user %.64s", user);
    if (setresuid((uid_t)-1, 0, (uid_t)-1) == 0)
        return err_set(err, "became the user %.64s, yet could become root again", user);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) != 0 ||
        prctl(PR_SET_PDEATHSIG, (long)parent_signal, 0L, 0L, 0L) != 0 || !move_home(found))
        return err_set_errno(err, "cannot settle as the user %.64s", user);
    return process_seal(err);
}
