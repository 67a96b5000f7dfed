// SPDX-License-Identifier: Apache-2.0
// From a pattern to a nondeterministic automaton (Thompson).
//
// A counted repeat parses its atom again for each copy, so there is no tree. Whatever is unexpected makes the
// parser give up, and PCRE2 takes the pattern.
#include "lib/schema/linear_parse.h"
#include "lib/schema/linear.h"

#define NESTING 100

// Enters at `start`; leaves through `end`, a NODE_PASS whose `out` is not set yet.
struct piece {
    uint32_t start, end;
};

static struct piece alternatives(struct parser *p);

static uint32_t add(struct parser *p, enum node_kind kind, uint32_t out)
{
    if (p->failed || p->nodes->count == LINEAR_NODES) {
        p->failed = true;
        return 0;
    }
    p->nodes->at[p->nodes->count] =
        (struct node){.kind = (uint8_t)kind, .part = p->part, .out = out, .other = NODE_NONE};
    return p->nodes->count++;
}

static struct piece empty(struct parser *p)
{
    uint32_t node = add(p, NODE_PASS, NODE_NONE);
    return (struct piece){node, node};
}

static struct piece join(struct parser *p, struct piece a, struct piece b)
{
    if (!p->failed)
        p->nodes->at[a.end].out = b.start;
    return (struct piece){a.start, b.end};
}

// Either of them.
static struct piece split(struct parser *p, struct piece a, struct piece b)
{
    uint32_t start = add(p, NODE_PASS, a.start), end = add(p, NODE_PASS, NODE_NONE);
    if (!p->failed) {
        p->nodes->at[start].other = b.start;
        p->nodes->at[a.end].out = end;
        p->nodes->at[b.end].out = end;
    }
    return (struct piece){start, end};
}

static struct piece repeated(struct parser *p, struct piece a)
{
    uint32_t start = add(p, NODE_PASS, a.start), end = add(p, NODE_PASS, NODE_NONE);
    if (!p->failed) {
        p->nodes->at[start].other = end;
        p->nodes->at[a.end].out = start;
    }
    return (struct piece){start, end};
}

// One sequence of byte ranges; see linear_set.c.
struct emission {
    struct parser *parser;
    uint32_t chain; // the NODE_PASS that the next alternative hangs on
    uint32_t end;
};

static void emit_bytes(void *arg, const uint8_t *low, const uint8_t *high, unsigned count)
{
    struct emission *emission = arg;
    struct parser *p = emission->parser;
    uint32_t out = emission->end;
    for (unsigned i = count; i-- && !p->failed;) {
        out = add(p, NODE_BYTES, out);
        p->nodes->at[out].low = low[i];
        p->nodes->at[out].high = high[i];
    }
    uint32_t chain = add(p, NODE_PASS, out);
    if (!p->failed)
        p->nodes->at[emission->chain].other = chain;
    emission->chain = chain;
}

static struct piece of_set(struct parser *p, struct set *set)
{
    struct piece piece = {add(p, NODE_PASS, NODE_NONE), add(p, NODE_PASS, NODE_NONE)};
    struct emission emission = {p, piece.start, piece.end};
    if (set->failed)
        p->failed = true;
    else
        set_each_utf8(set, emit_bytes, &emission);
    p->any = set_is_all(set);
    return piece;
}

static struct piece any_byte(struct parser *p)
{
    uint32_t end = add(p, NODE_PASS, NODE_NONE), start = add(p, NODE_BYTES, end);
    if (!p->failed)
        p->nodes->at[start].high = UINT8_MAX;
    return (struct piece){start, end};
}

static struct piece class(struct parser *p)
{
    struct set set = {.count = 0};
    p->at++;
    bool negated = peek(p, 0) == '^';
    p->at += negated;
    while (!p->failed && peek(p, 0) != ']') {
        if (peek(p, 0) < 0) {
            p->failed = true;
            break;
        }
        int32_t low = linear_class_char(p, &set), high = low;
        if (peek(p, 0) == '-' && peek(p, 1) != ']') {
            p->at++;
            high = linear_class_char(p, &set);
            if (low < 0 || high < low) // a set as an end: the two languages differ
                p->failed = true;
        }
        if (low >= 0 && !p->failed)
            set_add(&set, (uint32_t)low, (uint32_t)high);
    }
    p->at++;
    if (negated)
        set_negate(&set);
    return of_set(p, &set);
}

static struct piece escape(struct parser *p)
{
    struct set set = {.count = 0};
    p->at++;
    if (!linear_class_escape(p, &set)) {
        int32_t code = linear_escaped_char(p);
        p->failed = p->failed || code < 0 || code > 0x10ffff;
        if (!p->failed)
            set_add(&set, (uint32_t)code, (uint32_t)code);
    }
    return of_set(p, &set);
}

static struct piece group(struct parser *p)
{
    p->at++;
    if (peek(p, 0) == '?') {
        if (peek(p, 1) == '<' && peek(p, 2) != '=' && peek(p, 2) != '!') {
            while (peek(p, 0) >= 0 && peek(p, 0) != '>')
                p->at++;
            p->at++;
        } else if (peek(p, 1) == ':') {
            p->at += 2;
        } else {
            p->failed = true;
        }
    }
    if (p->failed || p->depth == NESTING) {
        p->failed = true;
        return (struct piece){0, 0};
    }
    p->depth++;
    struct piece inner = alternatives(p);
    p->depth--;
    p->failed = p->failed || peek(p, 0) != ')';
    p->at++;
    p->any = false;
    return inner;
}

static struct piece assertion(struct parser *p, enum node_kind kind)
{
    uint32_t end = add(p, NODE_PASS, NODE_NONE);
    p->at++;
    p->any = false;
    return (struct piece){add(p, kind, end), end};
}

static struct piece atom(struct parser *p)
{
    struct set set = {.count = 0};
    switch (peek(p, 0)) {
    case '(':
        return group(p);
    case '[':
        return class(p);
    case '\\':
        return escape(p);
    case '^':
        return assertion(p, NODE_BEGIN);
    case '$':
        return assertion(p, NODE_END);
    case '.':
        p->at++;
        set_add_named(&set, 'L');
        set_negate(&set);
        return of_set(p, &set);
    default: {
        uint32_t code = (uint32_t)linear_plain_char(p);
        set_add(&set, code, code);
        return of_set(p, &set);
    }
    }
}

static unsigned number(struct parser *p)
{
    unsigned value = 0;
    for (; peek(p, 0) >= '0' && peek(p, 0) <= '9'; p->at++)
        value = MIN(value * 10 + (unsigned)(peek(p, 0) - '0'), LINEAR_NODES);
    return value;
}

// "{m}", "{m,}" or "{m,n}"; anything else is a literal brace.
static bool braces(struct parser *p, unsigned *min, unsigned *max)
{
    p->at++;
    if (peek(p, 0) < '0' || peek(p, 0) > '9')
        return false;
    *min = *max = number(p);
    if (peek(p, 0) == ',') {
        p->at++;
        *max = peek(p, 0) == '}' ? UINT32_MAX : number(p);
    }
    bool closed = peek(p, 0) == '}';
    p->at++;
    return closed;
}

// False if no quantifier stands here. `*max` is UINT32_MAX for none.
static bool quantifier(struct parser *p, unsigned *min, unsigned *max)
{
    int c = peek(p, 0);
    size_t start = p->at;
    *min = c == '+';
    *max = c == '?' ? 1 : UINT32_MAX;
    if (c == '{' ? !braces(p, min, max) : c != '*' && c != '+' && c != '?') {
        p->at = start;
        return false;
    }
    p->at += c != '{';
    p->at += peek(p, 0) == '?'; // lazy or not, the verdict is the same
    return true;
}

// `count` more copies of the atom at `from`, each optional and only behind the one before.
static struct piece optional_copies(struct parser *p, struct piece all, size_t from, unsigned count)
{
    uint32_t end = add(p, NODE_PASS, NODE_NONE);
    for (; count && !p->failed; count--) {
        p->at = from;
        uint32_t fork = add(p, NODE_PASS, NODE_NONE);
        struct piece more = atom(p);
        if (p->failed)
            return all;
        p->nodes->at[all.end].out = fork;
        p->nodes->at[fork].out = more.start;
        p->nodes->at[fork].other = end;
        all.end = more.end;
    }
    if (!p->failed)
        p->nodes->at[all.end].out = end;
    return (struct piece){all.start, end};
}

static struct piece term(struct parser *p)
{
    size_t from = p->at;
    unsigned min, max;
    struct piece first = atom(p), all = empty(p);
    bool any = p->any;
    if (p->failed || !quantifier(p, &min, &max))
        return first;
    size_t to = p->at;
    // Any number of any characters is any number of any bytes: what comes behind them begins with a whole
    // one.
    if (max == UINT32_MAX && min == 0) {
        all = repeated(p, any ? any_byte(p) : first);
    } else {
        for (unsigned i = 0; i < min && !p->failed; i++) {
            p->at = from;
            all = join(p, all, i ? atom(p) : first);
        }
        p->at = from;
        if (max == UINT32_MAX)
            all = join(p, all, repeated(p, any ? any_byte(p) : atom(p)));
        else
            all = optional_copies(p, all, from, max - MIN(min, max));
    }
    p->at = to;
    return all;
}

static struct piece sequence(struct parser *p)
{
    struct piece all = empty(p);
    while (!p->failed && peek(p, 0) >= 0 && peek(p, 0) != '|' && peek(p, 0) != ')')
        all = join(p, all, term(p));
    return all;
}

static struct piece alternatives(struct parser *p)
{
    struct piece all = sequence(p);
    while (!p->failed && peek(p, 0) == '|') {
        p->at++;
        all = split(p, all, sequence(p));
    }
    return all;
}

// A part from its first node to its match.
static void add_part(struct parser *p, struct piece piece)
{
    uint32_t match = add(p, NODE_MATCH, NODE_NONE);
    if (p->failed)
        return;
    p->nodes->at[piece.end].out = match;
    p->nodes->start[p->part] = piece.start;
    p->nodes->parts = MAX(p->nodes->parts, p->part + 1u);
}

// "(?=…)" and "(?!…)" as parts from 1 on, each as if it were a pattern that begins with "^".
static void look_aheads(struct parser *p)
{
    while (!p->failed && peek(p, 0) == '(' && peek(p, 1) == '?' && (peek(p, 2) == '=' || peek(p, 2) == '!')) {
        if (++p->part == LINEAR_PARTS) {
            p->failed = true;
            return;
        }
        p->nodes->never |= (unsigned)(peek(p, 2) == '!') << p->part;
        p->at += 3;
        uint32_t begun = add(p, NODE_PASS, NODE_NONE), begin = add(p, NODE_BEGIN, begun);
        p->depth++;
        add_part(p, join(p, (struct piece){begin, begun}, alternatives(p)));
        p->depth--;
        p->failed = p->failed || peek(p, 0) != ')';
        p->at++;
        int c = peek(p, 0);
        p->failed = p->failed || c == '*' || c == '+' || c == '?' || c == '{';
    }
    p->part = 0;
}

bool jsv_linear_parse(struct str pattern, struct nodes *nodes)
{
    struct parser p = {.pattern = pattern, .nodes = nodes};
    struct piece begin = empty(&p);
    if (peek(&p, 0) == '^') {
        begin = assertion(&p, NODE_BEGIN);
        look_aheads(&p);
    }
    if (!nodes->parts) // "^" may belong to the first of several alternatives
        p.at = 0;
    struct piece all = nodes->parts ? join(&p, begin, sequence(&p)) : alternatives(&p);
    add_part(&p, all);
    return !p.failed && p.at >= pattern.len;
}
