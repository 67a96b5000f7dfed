// SPDX-License-Identifier: Apache-2.0
// The formats that can be asserted, by hand-written recognisers. idn-hostname, idn-email and labels that
// begin with xn-- ask libidn2, which allocates; all others do not.
#ifndef VOX_SCHEMA_FORMAT_H
#define VOX_SCHEMA_FORMAT_H

#include "lib/base/str.h"

enum jsv_format {
    FORMAT_DATE_TIME,
    FORMAT_DATE,
    FORMAT_TIME,
    FORMAT_DURATION,
    FORMAT_UUID,
    FORMAT_IPV4,
    FORMAT_IPV6,
    FORMAT_HOSTNAME,
    FORMAT_EMAIL,
    FORMAT_JSON_POINTER,
    FORMAT_RELATIVE_JSON_POINTER,
    FORMAT_REGEX,
    FORMAT_URI,
    FORMAT_URI_REFERENCE,
    FORMAT_URI_TEMPLATE,
    FORMAT_IRI,
    FORMAT_IRI_REFERENCE,
    FORMAT_IDN_HOSTNAME,
    FORMAT_IDN_EMAIL,
    FORMAT_COUNT
};

// FORMAT_COUNT if the name is none that we can assert.
enum jsv_format jsv_format_find(struct str name);
const char *jsv_format_phrase(enum jsv_format format); // "an e-mail address"
bool jsv_format_holds(enum jsv_format format, struct str text);

#endif
