#include "ceremony/canon.h"

#include <math.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

static const json_int_t int_max = ((json_int_t)1 << 53) - 1; /* RFC 7493 §2.2 */

/* ---- strings: RFC 8785 §3.2.2.2 ---- */

static void put_string(const char *s, size_t len, struct buf *out)
{
    static const char names[] = "\bb\tt\nn\ff\rr\"\"\\\\";
    buf_add_u8(out, '"');
    for (size_t i = 0; i < len; i++) {
        const char *p = s[i] == '\0' ? NULL : strchr(names, s[i]);
        if (p != NULL && (p - names) % 2 == 0) {
            buf_add_u8(out, '\\');
            buf_add_u8(out, (uint8_t)p[1]);
        } else if ((uint8_t)s[i] < ' ') {
            buf_addf(out, "\\u%04x", (unsigned)(uint8_t)s[i]);
        } else {
            buf_add_u8(out, (uint8_t)s[i]);
        }
    }
    buf_add_u8(out, '"');
}

/* ---- numbers: RFC 8785 §3.2.2.3, ECMA-262 Number::toString ---- */

static void put_real(double d, struct buf *out)
{
    char text[40], digits[24] = "0";
    size_t n = 0;
    if (d == 0) { /* also -0 */
        buf_add_u8(out, '0');
        return;
    }
    for (int precision = 0; precision < 17; precision++) { /* the fewest digits that read back */
        (void)snprintf(text, sizeof text, "%.*e", precision, fabs(d));
        if (strtod(text, NULL) == fabs(d))
            break;
    }
    const char *e = strchr(text, 'e');
    int exponent = (int)strtol(e + 1, NULL, 10) + 1; /* value = 0.DIGITS × 10^exponent */
    for (const char *p = text; p < e; p++)
        if (*p != '.')
            digits[n++] = *p;
    while (n > 1 && digits[n - 1] == '0')
        n--;
    if (d < 0)
        buf_add_u8(out, '-');
    if (exponent > 21 || exponent < -5) {
        buf_add_u8(out, (uint8_t)digits[0]);
        if (n > 1)
            buf_addf(out, ".%.*s", (int)n - 1, digits + 1);
        buf_addf(out, "e%+d", exponent - 1);
    } else if (exponent <= 0) {
        buf_addf(out, "0.%.*s%.*s", -exponent, "00000", (int)n, digits);
    } else if ((size_t)exponent >= n) {
        buf_addf(out, "%.*s%.*s", (int)n, digits, exponent - (int)n, "000000000000000000000");
    } else {
        buf_addf(out, "%.*s.%.*s", exponent, digits, (int)n - exponent, digits + exponent);
    }
}

/* ---- objects: names sorted by UTF-16 code units, RFC 8785 §3.2.3 ---- */

static unsigned long next_code_point(const unsigned char **p)
{
    unsigned long c = *(*p)++;
    int more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : c >= 0xc0 ? 1 : 0;
    c &= more == 3 ? 0x07UL : more == 2 ? 0x0fUL : more == 1 ? 0x1fUL : 0x7fUL;
    while (more-- > 0)
        c = c << 6 | (*(*p)++ & 0x3fUL);
    return c;
}

static unsigned long first_unit(unsigned long c)
{
    return c >= 0x10000 ? 0xd800 + ((c - 0x10000) >> 10) : c;
}

static int by_utf16(const void *a, const void *b)
{
    const unsigned char *x = *(const unsigned char *const *)a, *y = *(const unsigned char *const *)b;
    while (*x != '\0' && *y != '\0') {
        unsigned long cx = next_code_point(&x), cy = next_code_point(&y), ux = first_unit(cx), uy = first_unit(cy);
        if (ux != uy)
            return ux < uy ? -1 : 1;
        if (cx != cy)
            return cx < cy ? -1 : 1;
    }
    return (*x != '\0') - (*y != '\0');
}

static bool put_object(const json_t *j, struct buf *out)
{
    size_t n = 0, count = json_object_size(j);
    const char **names = calloc(count + 1, sizeof *names), *name;
    json_t *value;
    bool ok = names != NULL;
    if (names == NULL)
        return false;
    json_object_foreach((json_t *)(uintptr_t)j, name, value) names[n++] = name;
    qsort(names, n, sizeof *names, by_utf16);
    buf_add_u8(out, '{');
    for (size_t i = 0; i < n && ok; i++) {
        if (i > 0)
            buf_add_u8(out, ',');
        put_string(names[i], strlen(names[i]), out);
        buf_add_u8(out, ':');
        ok = canon_json(json_object_get(j, names[i]), out);
    }
    buf_add_u8(out, '}');
    free(names);
    return ok;
}

static bool put_array(const json_t *j, struct buf *out)
{
    bool ok = true;
    buf_add_u8(out, '[');
    for (size_t i = 0; i < json_array_size(j) && ok; i++) {
        if (i > 0)
            buf_add_u8(out, ',');
        ok = canon_json(json_array_get(j, i), out);
    }
    buf_add_u8(out, ']');
    return ok;
}

bool canon_json(const json_t *j, struct buf *out)
{
    if (j == NULL)
        return false;
    switch (json_typeof(j)) {
    case JSON_OBJECT: return put_object(j, out) && !out->failed;
    case JSON_ARRAY: return put_array(j, out) && !out->failed;
    case JSON_STRING: put_string(json_string_value(j), json_string_length(j), out); break;
    case JSON_INTEGER:
        if (json_integer_value(j) > int_max || json_integer_value(j) < -int_max)
            return false;
        buf_addf(out, "%lld", (long long)json_integer_value(j));
        break;
    case JSON_REAL: put_real(json_real_value(j), out); break;
    case JSON_TRUE: buf_add_str(out, "true"); break;
    case JSON_FALSE: buf_add_str(out, "false"); break;
    case JSON_NULL: buf_add_str(out, "null"); break;
    }
    return !out->failed;
}

json_t *canon_parse(const char *name, struct bytes text, struct buf *why)
{
    json_error_t e;
    struct buf again = BUF_INIT;
    json_t *j = json_loadb((const char *)text.data, text.len, JSON_REJECT_DUPLICATES, &e);
    if (j == NULL) {
        buf_addf(why, "%s: is no JSON: %s at octet %d", name, e.text, e.position);
    } else if (!canon_json(j, &again) || !bytes_eq(buf_bytes(&again), text)) {
        buf_addf(why, "%s: is not in canonical form (RFC 8785): it was changed after it was written", name);
        json_decref(j);
        j = NULL;
    }
    buf_free(&again);
    return j;
}

void canon_hash(struct bytes data, char out[CANON_HEX])
{
    unsigned char hash[32] = {0};
    bool ok = EVP_Digest(data.data == NULL ? (const uint8_t *)"" : data.data, data.len, hash, NULL, EVP_sha256(), NULL) == 1;
    bytes_hex(bytes_of(hash, sizeof hash), out);
    if (!ok)
        out[0] = '\0'; /* equal to no hash */
}

bool canon_is_hash(const char *text)
{
    return strlen(text) == 64 && strspn(text, "0123456789abcdef") == 64;
}
