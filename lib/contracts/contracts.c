// SPDX-License-Identifier: Apache-2.0
// The set: loaded as a whole, counted, searched, hashed.
#include "lib/contracts/contracts.h"

#include "lib/contracts/retention.h"
#include "lib/contracts/set.h"

#include <inttypes.h>
#include <unistd.h>

static const char *const classes[] = {
    [CLASS_S0] = "S0", [CLASS_S1] = "S1", [CLASS_S2] = "S2", [CLASS_S3] = "S3"};

const char *contract_class_name(enum contract_class class_)
{
    if ((size_t)class_ >= ARRAY_LEN(classes))
        BUG("a class that does not exist");
    return classes[class_];
}

bool contract_class_from(struct str name, enum contract_class *ret_class)
{
    for (size_t i = 0; i < ARRAY_LEN(classes); i++)
        if (str_eq(name, str_from(classes[i]))) {
            *ret_class = (enum contract_class)i;
            return true;
        }
    return false;
}

static bool hash_set(struct contract_set *set, struct err *err)
{
    struct buf text;
    buf_init(&text, SET_BYTES_MAX);
    char guard[SHA256_HEX_LEN + 1];
    sha256_hex(set->guard->sha256, guard);
    buf_putf(&text, "guard %s\n", guard);
    for (size_t i = 0; i < set->count; i++) {
        const struct contract *contract = &set->contracts[i];
        char schema[SHA256_HEX_LEN + 1];
        sha256_hex(contract->schema_sha256, schema);
        buf_putf(&text, "%s %s %s %s %" PRIx64 " ", contract->name.ptr, contract_class_name(contract->class_),
                 schema, contract->assert_formats ? "assert" : "annotate", contract->guarded);
        buf_put_str(&text, contract->recognised_by);
        buf_put_char(&text, '\n');
    }
    bool ok = buf_ok(&text);
    if (ok) {
        uint8_t digest[SHA256_LEN];
        sha256(buf_str(&text), digest);
        sha256_hex(digest, set->hash);
    }
    buf_release(&text);
    return ok ? true : err_set(err, "out of memory");
}

// Takes the rows over as the set's contracts.
static bool fill(struct contract_set *set, const struct index *index, struct err *err)
{
    set->reserved = index->reserved;
    set->reserved_count = index->reserved_count;
    for (size_t i = 0; i < index->count; i++) {
        set->contracts[i] = index->rows[i].contract;
        set->contracts[i].index = i;
    }
    return recogniser_init(&set->recogniser, index, &set->arena, err) && hash_set(set, err);
}

static bool load(struct contract_set *set, const char *dir, const char *overrides_path, struct err *err)
{
    char index_path[4096], policy_path[4096], guard_path[4096];
    int len = snprintf(index_path, sizeof(index_path), "%s/index.yaml", dir);
    if (len < 0 || (size_t)len >= sizeof(index_path) - sizeof("retention-policy.yaml"))
        return err_set(err, "the path of the contracts folder is too long");
    snprintf(policy_path, sizeof(policy_path), "%s/retention-policy.yaml", dir);
    snprintf(guard_path, sizeof(guard_path), "%s/guard.yaml", dir);

    struct index index;
    if (access(index_path, R_OK) != 0) // before others that a wrong folder lacks too
        return err_set_errno(err, "%s: cannot read it", index_path);
    if (!guard_load(guard_path, &set->arena, &set->guard, err) ||
        !index_load(index_path, set->guard, &set->arena, &index, err))
        return false;
    set->contracts = arena_zalloc(&set->arena, index.count * sizeof(*set->contracts));
    if (!set->contracts)
        return err_set(err, "%s: out of memory", dir);
    bool ok = retention_load(policy_path, overrides_path, &set->arena, &index, err) &&
              schemas_load(dir, &set->arena, &index, err);
    // Whatever was compiled is the set's to release, even if the set comes to nothing.
    for (size_t i = 0; i < index.count; i++)
        set->contracts[i].program = index.rows[i].contract.program;
    set->count = index.count;
    return ok && (fill(set, &index, err) || err_prefix(err, "%s", dir));
}

bool contract_set_load(const char *dir, const char *overrides_path, struct contract_set **ret_set,
                       struct err *err)
{
    struct contract_set *set = calloc(1, sizeof(*set));
    if (!set)
        return err_set(err, "%s: out of memory", dir);
    atomic_init(&set->references, 1);
    arena_init(&set->arena, (size_t)64 * 1024, SET_BYTES_MAX);
    if (!load(set, dir, overrides_path, err)) {
        contract_set_unref(set);
        return false;
    }
    *ret_set = set;
    return true;
}

struct contract_set *contract_set_ref(struct contract_set *set)
{
    unsigned before = atomic_fetch_add_explicit(&set->references, 1, memory_order_relaxed);
    BUG_ON(before == 0 || before == UINT32_MAX);
    return set;
}

void contract_set_unref(struct contract_set *set)
{
    if (!set)
        return;
    // Release what this thread read from the set; acquire what the others did before it is freed.
    unsigned before = atomic_fetch_sub_explicit(&set->references, 1, memory_order_acq_rel);
    BUG_ON(before == 0);
    if (before > 1)
        return;
    for (size_t i = 0; i < set->count; i++)
        jsv_program_unref(set->contracts[i].program);
    arena_release(&set->arena);
    free(set);
}

size_t contract_set_count(const struct contract_set *set)
{
    return set->count;
}

const struct contract *contract_set_at(const struct contract_set *set, size_t index)
{
    BUG_ON(index >= set->count);
    return &set->contracts[index];
}

size_t contract_set_reserved_count(const struct contract_set *set)
{
    return set->reserved_count;
}

const struct contract_reserved *contract_set_reserved_at(const struct contract_set *set, size_t index)
{
    BUG_ON(index >= set->reserved_count);
    return &set->reserved[index];
}

size_t contract_set_guard_count(const struct contract_set *set)
{
    return set->guard->count;
}

const struct contract_guard_rule *contract_set_guard_at(const struct contract_set *set, size_t index)
{
    BUG_ON(index >= set->guard->count);
    return &set->guard->rules[index].public;
}

const char *contract_set_hash(const struct contract_set *set)
{
    return set->hash;
}

const struct contract *contract_set_find_version(const struct contract_set *set, struct str id,
                                                 unsigned version)
{
    size_t low = 0, high = set->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct contract *contract = &set->contracts[middle];
        int order = str_cmp(contract->id, id);
        if (!order)
            order = (contract->version > version) - (contract->version < version);
        if (!order)
            return contract;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    // The one before is the newest below `version`.
    bool newest = version == CONTRACT_NEWEST && low > 0 && str_eq(set->contracts[low - 1].id, id);
    return newest ? &set->contracts[low - 1] : NULL;
}

const struct contract *contract_set_find(const struct contract_set *set, struct str name)
{
    struct str rest = name;
    struct str id = str_cut(&rest, '.');
    uint64_t version;
    if (!rest.ptr)
        return contract_set_find_version(set, id, CONTRACT_NEWEST);
    if (!str_starts(rest, STR("v")) || !str_to_u64(str_skip(rest, 1), &version) || rest.ptr[1] == '0' ||
        version > VERSION_MAX)
        return NULL;
    return contract_set_find_version(set, id, (unsigned)version);
}
