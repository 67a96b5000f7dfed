// SPDX-License-Identifier: Apache-2.0
// vox-telemetry version
#include "client/common.h"

#include <curl/curl.h>

static enum client_exit run(const struct options *options)
{
    const curl_version_info_data *curl = curl_version_info(CURLVERSION_NOW);
    const char *tls = curl->ssl_version ? curl->ssl_version : "none";
    if (options->json)
        printf("{\"version\":\"%s\",\"libcurl\":\"%s\",\"tls\":\"%s\"}\n", VOX_VERSION, curl->version, tls);
    else
        printf("vox-telemetry %s (libcurl %s, %s)\n", VOX_VERSION, curl->version, tls);
    return EXIT_IS_OK;
}

static const struct option_row option_rows[] = {OPTION("json", NULL, json, "as one JSON object")};
static const enum client_exit exits[] = {EXIT_IS_OK, EXIT_IS_USAGE, EXIT_IS_IO};

const struct command cmd_version = {
    .name = "version",
    .summary = "Print the version",
    COMMAND_TABLES(option_rows, exits),
    .run = run,
};
