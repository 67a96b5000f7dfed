// SPDX-License-Identifier: Apache-2.0
// What a person or a script sees of an upload: progress, lines about entries, the summary.
//
// Lines about entries and progress go to stderr, the summary to stdout. On a terminal progress is one line
// that is written over; in a pipe it is a line now and then.
#ifndef VOX_CLIENT_REPORT_H
#define VOX_CLIENT_REPORT_H

#include "client/command.h"
#include "client/upload.h"

struct report {
    const struct options *options;
    const struct clock *clock;
    const char *url;
    const char *refusal; // of a dry run: why upload would send nothing, as a sentence; NULL: it would
    uint64_t total;      // entries when it began
    uint64_t notes;      // lines about entries so far
    struct buf named;    // with --json: the same as JSON objects, up to a ceiling
    uint64_t requests;   // of a dry run
    bool terminal;       // stderr is one
    bool line_open;      // a progress line stands on it
    bool batches;        // of a dry run: one was shown
    int64_t start_us;    // monotonic
    int64_t progress_us; // when progress was last written
};

void report_init(struct report *report, const struct options *options, const char *url, uint64_t total);
// The callbacks, for upload_run().
struct upload_sight report_sight(struct report *report);
void report_begin(struct report *report);
// `remaining` is what pending/ holds now.
void report_end(struct report *report, const struct upload_result *result, const char *spool_path,
                uint64_t remaining, int exit_number);

#endif
